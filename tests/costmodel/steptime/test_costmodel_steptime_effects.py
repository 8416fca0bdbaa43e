"""What configurations share is found, shrunk, and not spread to models or GPUs without rows."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.effects import Effects, joined, levels_of
from moeprof.tests.costmodel.steptime.whole_models import (
    DEEPSEEK_V3,
    many_deployments,
    rows_of,
    served,
)

ROWS = rows_of(*many_deployments())
SLOWER = np.where(ROWS.models == "deepseek-v3", 1.3, 1.0)


def test_a_model_that_is_slower_everywhere_is_told_slower() -> None:
    rows = replace(ROWS, step_us=1000 * SLOWER)
    ratios = Effects.fitted(rows, np.full(len(rows), 1000.0)).log_ratio(rows)
    slow = ratios[rows.models == "deepseek-v3"]
    assert (slow > 0.6 * np.log(1.3)).all()
    assert (slow < np.log(1.3)).all()
    assert np.abs(ratios[rows.models != "deepseek-v3"]).max() < 0.06


@pytest.mark.parametrize("names", ["models", "gpu_names"])
def test_a_model_or_gpu_without_rows_has_no_effect(names: str) -> None:
    rows = replace(ROWS, step_us=1000 * SLOWER)
    label = getattr(rows, names)
    known = rows.taken(np.flatnonzero(label != label[0]))
    effects = Effects.fitted(known, np.full(len(known), 1000.0))
    assert (effects.log_ratio(rows)[label == label[0]] == 0).all()
    assert effects.log_ratio(known).any()


def test_another_vendors_gpus_share_nothing() -> None:
    slow = rows_of(served(DEEPSEEK_V3, "MI300X"), served(DEEPSEEK_V3, "H100"))
    far = np.where(slow.gpu_names == "MI300X", 1.4, 1.0)
    effects = Effects.fitted(replace(slow, step_us=1000 * far), np.full(len(slow), 1000.0))
    ratios = effects.log_ratio(slow)
    assert (ratios[far > 1] > 0.1).all()
    assert np.abs(ratios[far == 1]).max() < 1e-12


def test_levels_name_what_is_shared() -> None:
    first = {name: members[0] for name, members in levels_of(ROWS).items()}
    assert first["model and engine"] == "llama-3-8b | vllm | NVIDIA"
    assert first["model, GPU and engine"] == "llama-3-8b | A100-80GB | vllm"
    assert joined(np.asarray(["a", "b"]), np.asarray(["c", "d"])).tolist() == ["a | c", "b | d"]
