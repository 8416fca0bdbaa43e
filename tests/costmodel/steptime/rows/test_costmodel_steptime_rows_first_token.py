"""A first token that comes before its prompt can be computed: a length or a time is wrong."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moeprof.costmodel.steptime.features.deployment import Split
from moeprof.costmodel.steptime.rows.first_token import first_token_too_early
from moeprof.tests.costmodel.steptime.whole_models import LLAMA_3_8B, rows_of, served

SERVED = served(LLAMA_3_8B, split=Split(tp=2))
ROWS = rows_of(SERVED, sizes=1)


def early(prompt_tokens: float, first_us: float) -> bool:
    """Whether a first token of Llama 3 8B on two H100 comes too early."""
    steps = replace(ROWS.steps, prompt_tokens=np.asarray([prompt_tokens]))
    return bool(first_token_too_early(replace(ROWS, steps=steps), np.asarray([first_us]))[0])


def test_a_prompt_takes_its_flops() -> None:
    """7e9 parameters beside embedding and head, 2 FLOPs each, 1,000 tokens, 2 x 989.4 TFLOP/s."""
    layers = 32 * (4096 * (4096 * 2 + 2 * 1024) + 3 * 4096 * 14336)
    prompt_us = 2 * layers * 1000 / (2 * 989.4e6)
    assert not early(1000, prompt_us / 1.4)
    assert early(1000, prompt_us / 1.6)


def test_what_is_unknown_is_no_contradiction() -> None:
    assert not early(1000, np.nan)
    assert not early(np.nan, 1.0)


@given(st.floats(1, 1e6), st.floats(1, 1e9), st.floats(1, 100))
def test_a_longer_prompt_or_a_shorter_time_is_no_less_early(
    tokens: float, first_us: float, factor: float
) -> None:
    if early(tokens, first_us):
        assert early(tokens * factor, first_us)
        assert early(tokens, first_us / factor)
