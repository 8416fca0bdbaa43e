"""Columns of one dense, one MoE and one MLA model, against hand counts at the sheet's rates."""

import numpy as np
import pytest

from moeprof.costmodel.steptime.features.columns import columns
from moeprof.costmodel.steptime.features.deployment import Split
from moeprof.tests.costmodel.steptime.whole_models import (
    DEEPSEEK_V3,
    LLAMA_3_8B,
    MIXTRAL_8X7B,
    decode_steps,
    mixed_steps,
    served,
)

H100_BYTES_PER_US, H100_FLOP_PER_US = 3.35e6, 989.5e6


def test_a_dense_model_reads_its_weights_once() -> None:
    """7,504,658,432 parameters without the embedding, of 2 bytes: 4.48 ms."""
    found = columns(served(LLAMA_3_8B), decode_steps([1, 64]))
    weights = 7_504_658_432 * 2 / H100_BYTES_PER_US
    assert found["dense_weights"] == pytest.approx([weights, weights])
    assert found["dense_flops"] == pytest.approx(
        2 * 7_504_658_432 * np.asarray([1, 64]) / H100_FLOP_PER_US
    )
    assert found["kv"] == pytest.approx(131_072 * 1000 * np.asarray([1, 64]) / H100_BYTES_PER_US)
    assert found["expert_weights"].tolist() == [0, 0]


def test_a_moe_model_reads_the_experts_that_are_active() -> None:
    found = columns(served(MIXTRAL_8X7B, split=Split(tp=2)), decode_steps([1, 4096]))
    one = 32 * 3 * 4096 * 14336 * 2 / 2 / H100_BYTES_PER_US
    assert found["expert_weights"] == pytest.approx([2 * one, 8 * one])
    flops = 2 * 32 * 2 * 3 * 4096 * 14336 / 2 / H100_FLOP_PER_US
    assert found["expert_flops"] == pytest.approx([flops, 4096 * flops])


def test_groups_of_data_parallel_ranks_read_their_own_requests() -> None:
    found = columns(served(DEEPSEEK_V3, "B200", "fp8", split=Split(dp=8, ep=8)), decode_steps([64]))
    assert found["kv"] == pytest.approx(70_272 * 1000 * 8 / 8e6)
    assert found["requests"].tolist() == [8]
    assert found["all_to_all_rounds"].tolist() == [2 * 58 * 3]
    assert found["busiest_experts"][0] > 0


def test_prefill_has_columns_of_its_own() -> None:
    alone = columns(served(), decode_steps([64]))
    mixed = columns(served(), mixed_steps([64]))
    for name, values in alone.items():
        assert (values == mixed[name]).all() != name.startswith("prefill_") or not values.any()
    assert mixed["prefill_dense_flops"] == pytest.approx(
        2 * 128 * (7_504_658_432 - 128256 * 4096) / H100_FLOP_PER_US
    )
    assert mixed["prefill_layers"] == pytest.approx([64 / 400 * 32])
