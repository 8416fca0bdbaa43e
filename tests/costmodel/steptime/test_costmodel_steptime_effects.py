"""What configurations share is found, shrunk, and not spread to models or GPUs without rows."""

import numpy as np
import pytest

from moeprof.costmodel.steptime.effects import POWER_LEVELS, STEP_LEVELS, Effects, joined
from moeprof.tests.costmodel.steptime.whole_models import (
    DEEPSEEK_V3,
    MIXTRAL_8X7B,
    many_deployments,
    rows_of,
    served,
)

ROWS = rows_of(*many_deployments())
SLOWER = np.where(ROWS.models == "deepseek-v3", 1.3, 1.0)


def test_a_model_that_is_slower_everywhere_is_told_slower() -> None:
    ratios = Effects.fitted(ROWS, np.log(SLOWER), STEP_LEVELS).log_ratio(ROWS)
    slow = ratios[ROWS.models == "deepseek-v3"]
    assert (slow > 0.6 * np.log(1.3)).all()
    assert (slow < np.log(1.3)).all()
    assert np.abs(ratios[ROWS.models != "deepseek-v3"]).max() < 0.06


@pytest.mark.parametrize("names", ["models", "gpu_names"])
def test_within_rows_a_model_or_gpu_without_any_has_no_effect(names: str) -> None:
    label = getattr(ROWS, names)
    at = np.flatnonzero(label != label[0])
    known = ROWS.taken(at)
    effects = Effects.fitted(known, np.log(SLOWER)[at], STEP_LEVELS).within(known)
    assert (effects.log_ratio(ROWS)[label == label[0]] == 0).all()
    assert effects.log_ratio(known).any()


def test_another_vendors_gpus_share_nothing() -> None:
    slow = rows_of(served(DEEPSEEK_V3, "MI300X"), served(DEEPSEEK_V3, "H100"))
    far = np.where(slow.gpu_names == "MI300X", 1.4, 1.0)
    ratios = Effects.fitted(slow, np.log(far), STEP_LEVELS).log_ratio(slow)
    assert (ratios[far > 1] > 0.1).all()
    assert np.abs(ratios[far == 1]).max() < 1e-12


def test_power_of_a_precision_reaches_models_without_rows() -> None:
    fp8 = [served(model, "H100", "fp8") for model in (DEEPSEEK_V3, MIXTRAL_8X7B)]
    rows = rows_of(*fp8, served(DEEPSEEK_V3, "H100"), served(MIXTRAL_8X7B, "H100"))
    busier = np.where(rows.precisions == "fp8", 1.5, 1.0)
    effects = Effects.fitted(rows, np.log(busier), POWER_LEVELS)
    new = rows_of(served(gpu="H100", precision="fp8"), served(gpu="H100"))
    ratios = effects.log_ratio(new)
    assert (ratios[new.precisions == "fp8"] > 0.08).all()
    assert np.abs(ratios[new.precisions == "bf16"]).max() < 0.08


def test_a_level_that_is_not_known_changes_nothing() -> None:
    assert (Effects({"moon": {"full": 1.0}}).log_ratio(ROWS) == 0).all()


def test_effects_add_up_member_by_member() -> None:
    both = Effects({"a": {"x": 1.0, "y": 2.0}}).plus(Effects({"a": {"y": 0.5}, "b": {"z": 3.0}}))
    assert both.by_level == {"a": {"x": 1.0, "y": 2.5}, "b": {"z": 3.0}}


def test_levels_name_what_is_shared() -> None:
    first = {name: of(ROWS)[0] for name, of in {**STEP_LEVELS, **POWER_LEVELS}.items()}
    assert first["model and engine"] == "llama-3-8b | vllm | NVIDIA"
    assert first["model, GPU and engine"] == "llama-3-8b | A100-80GB | vllm"
    assert first["precision and engine"] == "bf16 | vllm"
    assert joined(np.asarray(["a", "b"]), np.asarray(["c", "d"])).tolist() == ["a | c", "b | d"]
