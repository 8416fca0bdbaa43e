"""Prompts per step: of a loop, of a static batch, by a measured rate, or of one step."""

import numpy as np

from moeprof.costmodel.steptime.features.steps import Steps
from moeprof.costmodel.steptime.rows.row_steps import row_steps

UNKNOWN = np.nan


def steps_of(kind: str, **columns: float) -> Steps:
    """The step of one row: 64 requests of 1000 prompt and 500 output tokens, 20 ms."""
    row = {"batch": 64.0, "isl": 1000.0, "osl": 500.0, "ctx": 1250.0, "pf_tok_s": UNKNOWN}
    numbers = {name: np.asarray([value]) for name, value in (row | {"tpot_ms": 20.0}).items()}
    numbers |= {name: np.asarray([value]) for name, value in columns.items()}
    return row_steps(numbers, np.asarray([kind]))


def prefill(steps: Steps) -> tuple[float, float]:
    """Prompt tokens per step, and the share of steps that have any."""
    return float(steps.prefill_tokens[0]), float(steps.prefill_share[0])


def test_each_request_of_a_loop_brings_its_prompt_once() -> None:
    assert prefill(steps_of("littles_law")) == (128, 64 / 500)
    assert prefill(steps_of("static")) == (128, 1 / 500)
    assert prefill(steps_of("running_1s", pf_tok_s=5000.0)) == (100, 0.1)


def test_a_step_of_a_trace_prefills_what_it_says_or_nothing() -> None:
    alone = steps_of("step", isl=UNKNOWN, osl=UNKNOWN)
    assert prefill(alone) == (0, 0)
    chunk = steps_of("step", isl=UNKNOWN, osl=UNKNOWN, pf_tok_s=25_600.0)
    assert prefill(chunk) == (512, 1)
    assert chunk.prompt_tokens.tolist() == [512]
    assert (alone.running.tolist(), alone.context_tokens.tolist()) == ([64], [1250])


def test_a_step_that_only_prefills_decodes_nothing() -> None:
    steps = steps_of("step", batch=UNKNOWN, isl=UNKNOWN, osl=UNKNOWN, pf_tok_s=25_600.0)
    assert steps.running.tolist() == [0]
