"""Steps of known coefficients, traced, read and fitted by the commands: they come back to 2 %."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from moeprof.costmodel.steptime.features.columns import columns
from moeprof.costmodel.steptime.features.deployment import Deployment, Split, deployment
from moeprof.costmodel.steptime.features.steps import Array, Steps
from moeprof.costmodel.steptime.prediction.asked_rows import as_rows
from moeprof.costmodel.steptime.prediction.from_file import step_model_of
from moeprof.store.document import read_document
from moeprof.store.serving.step_time_model import StepTimeFile
from moeprof.tests.cli.command_line import Moeprof
from moeprof.tests.costmodel.steptime.public_folder import HEADER, MODELS
from moeprof.tests.costmodel.steptime.whole_models import LLAMA_3_8B, MIXTRAL_8X7B
from moeprof.tests.parsers.serving.traced_engine import (
    Step,
    document,
    noisy,
    step_spans,
    write_lines,
)

# What multiplies a column; us per piece for layers, requests and steps.
TRUE = {
    "dense_weights": 1.2, "expert_weights": 1.2, "kv": 1.1, "dense_flops": 1.3,
    "expert_flops": 1.3, "attention_flops": 1.2, "prefill_dense_flops": 1.5,
    "prefill_expert_flops": 1.5, "prefill_attention_flops": 1.4, "layers": 30.0,
    "requests": 10.0, "steps": 200.0,
}  # fmt: skip
DOMINANT = ("dense_weights", "expert_weights", "prefill_dense_flops", "prefill_expert_flops")
SERVED = [
    deployment(model, gpu, "bf16", "vllm", Split(tp=2))
    for model in (LLAMA_3_8B, MIXTRAL_8X7B)
    for gpu in ("H100", "H200", "B200")
]
BLOCKS, BLOCK_TOKENS = 200_000, 16


def exact_us(served: Deployment, steps: Steps) -> Array:
    """What these steps truly take."""
    found = columns(served, steps)
    return np.asarray(np.sum([value * found[name] for name, value in TRUE.items()], axis=0))


def drawn(rng: np.random.Generator, count: int) -> Steps:
    """Steps of 1 to 255 requests, of which three in ten compute a prompt."""
    running = np.floor(2 ** rng.uniform(0, 8, count))
    prompt = np.where(rng.random(count) < 0.3, rng.integers(100, 2000, count), 0).astype(float)
    share = (prompt > 0).astype(np.float64)
    return Steps(running, rng.uniform(500, 6000, count), prompt, prompt, share)


def traced(folder: Path, served: Deployment, seed: int) -> Path:
    """A trace of such steps with 3 % of noise, one in twenty three to ten times as long."""
    rng = np.random.default_rng(seed)
    steps = drawn(rng, 300)
    took_us = noisy(rng, exact_us(served, steps), 0.05)
    began_us = np.cumsum(took_us) - took_us
    requests = steps.running + (steps.prefill_tokens > 0)
    in_use = steps.context_tokens * requests / BLOCK_TOKENS / BLOCKS
    made: Sequence[Step] = [
        Step(
            101 + at, float(began_us[at]), float(took_us[at]), int(steps.running[at]),
            int(steps.prefill_tokens[at]), kv_ratio=float(in_use[at]), kv_blocks=BLOCKS,
        )
        for at in range(300)
    ]  # fmt: skip
    return write_lines(folder / "traces.json", [document(step_spans(made))])


@pytest.fixture(scope="module")
def file(moeprof: Moeprof, tmp_path_factory: pytest.TempPathFactory) -> StepTimeFile:
    """The fit of six traces."""
    folder = tmp_path_factory.mktemp("traces")
    (folder / "models.csv").write_text(HEADER + MODELS)
    for seed, served in enumerate(SERVED):
        trace = traced(folder, served, seed)
        words = ("--model", served.model.name, "--gpu", served.gpu_name, "--tp", "2")
        read = moeprof("steptime", "read", trace, *words, "--precision", "bf16", "--out", folder)
        assert read.exit_code == 0, read.stderr
    out = folder / "step_time_model.json"
    fit = moeprof("steptime", "fit", folder, "--method", "physics", "--out", out)
    assert fit.exit_code == 0, fit.stderr
    return read_document(out, StepTimeFile)


@pytest.mark.parametrize("served", SERVED, ids=lambda one: f"{one.model.name} {one.gpu_name}")
def test_predictions_are_within_two_percent(file: StepTimeFile, served: Deployment) -> None:
    steps = drawn(np.random.default_rng(99), 200)
    found = step_model_of(file, "mean").step_us(as_rows(served, steps))
    off = np.abs(found / exact_us(served, steps) - 1)
    assert np.quantile(off, 0.9) < 0.02


@pytest.mark.parametrize("name", DOMINANT)
def test_dominant_coefficients_are_within_two_percent(file: StepTimeFile, name: str) -> None:
    fit = file.steps["mean"].physics
    assert fit is not None
    assert fit.coefficients[name] == pytest.approx(TRUE[name], rel=0.02)


def test_steps_that_decode_alone_are_told_apart(file: StepTimeFile) -> None:
    assert file.steps["mean"].rows == 1800
    assert 1100 < file.steps["decode"].rows < 1400
