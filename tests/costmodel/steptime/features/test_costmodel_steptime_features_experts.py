"""How many experts get a token."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.costmodel.steptime.features.experts import (
    active_experts,
    decoding_experts,
)
from moeprof.store.errors import BadInput
from moeprof.tests.costmodel.steptime.whole_models import (
    DEEPSEEK_V3,
    LLAMA_3_8B,
    MIXTRAL_8X7B,
    decode_steps,
)

BATCHES = np.asarray([1.0, 2.0, 16.0, 4096.0])


def test_one_token_takes_k_and_many_take_all() -> None:
    active = active_experts(MIXTRAL_8X7B, BATCHES)
    assert active == pytest.approx([2, 8 * (1 - 0.75**2), 8 * (1 - 0.75**16), 8])


def test_a_dense_model_has_none() -> None:
    assert active_experts(LLAMA_3_8B, BATCHES).tolist() == [0, 0, 0, 0]


def test_skewed_routing_keeps_fewer_experts_active() -> None:
    even, skewed = (active_experts(DEEPSEEK_V3, BATCHES, words) for words in ("uniform", "zipf:1"))
    assert (skewed[1:3] < even[1:3]).all()


def test_active_experts_that_are_named_replace_the_expected_ones() -> None:
    steps = decode_steps([1.0, 16.0])
    named = replace(steps, active_experts=np.asarray([8.0, 60.5]))
    assert decoding_experts(DEEPSEEK_V3, named).tolist() == [8, 60.5]
    expected = active_experts(DEEPSEEK_V3, steps.running)
    assert decoding_experts(DEEPSEEK_V3, steps).tolist() == expected.tolist()
    assert decoding_experts(DEEPSEEK_V3, named.taken(np.asarray([1]))).tolist() == [60.5]


@pytest.mark.parametrize("active", [7.0, 129.0, np.nan, -8.0])
def test_active_experts_that_no_routing_gives_are_refused(active: float) -> None:
    named = replace(decode_steps([16.0]), active_experts=np.asarray([active]))
    with pytest.raises(BadInput, match=r"active experts cannot be: 16 tokens .* reach 8 to 128"):
        decoding_experts(DEEPSEEK_V3, named)


def test_active_experts_of_a_dense_model_are_refused() -> None:
    named = replace(decode_steps([16.0]), active_experts=np.asarray([8.0]))
    with pytest.raises(BadInput, match="llama-3-8b has no routed experts"):
        decoding_experts(LLAMA_3_8B, named)
