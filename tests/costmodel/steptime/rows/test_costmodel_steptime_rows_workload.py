"""Rows are told apart by what their steps work on."""

import numpy as np
import pytest

from moeprof.costmodel.steptime.features.steps import Steps
from moeprof.costmodel.steptime.rows.workload import workloads


@pytest.mark.parametrize(
    ("prompt", "output", "kind"),
    [
        (1000.0, 1000.0, "mixed"),
        (8000.0, 1000.0, "prefill-heavy"),
        (1000.0, 8000.0, "decode-heavy"),
        (1900.0, 1000.0, "mixed"),
        (2030.0, 1000.0, "mixed"),
        (1000.0, 2030.0, "mixed"),
        (2150.0, 1000.0, "prefill-heavy"),
        (1000.0, 2150.0, "decode-heavy"),
    ],
)
def test_the_tokens_of_a_closed_loop_tell_its_kind(prompt: float, output: float, kind: str) -> None:
    running = np.asarray([1.0, 64.0])
    prefill, prompts = running * prompt / output, np.full(2, prompt)
    steps = Steps(running, prompts, prefill, prompts, np.minimum(1, prefill))
    assert workloads(steps, np.full(2, np.nan)).tolist() == [kind, kind]


def test_rounding_at_the_border_does_not_tell_rows_apart() -> None:
    running = np.linspace(1, 300, 2000)
    prompts = np.full(len(running), 1000.0)
    steps = Steps(running, prompts, running * 1000 / 500, prompts, np.ones(len(running)))
    assert set(workloads(steps, np.full(len(running), np.nan)).tolist()) == {"mixed"}


def test_steps_without_prompts_are_decode_heavy_and_bursts_are_told_first() -> None:
    steps = Steps.decode(np.asarray([8.0, 8.0, 8.0]), np.full(3, 500.0))
    kinds = workloads(steps, np.asarray([np.nan, 1.0, 0.3]))
    assert kinds.tolist() == ["decode-heavy", "decode-heavy", "bursty"]
