"""Exchanges between ranks: bytes on the wire by hand, and their time by the stated bandwidth."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.costmodel.layer.communication import communications
from moeprof.store.errors import BadInput
from moeprof.store.fitted_runs import LayerSizes

WHOLE = LayerSizes("tiny", 100, 4, 16, 2, "bfloat16")
RANK = replace(WHOLE, local_experts=4)


def test_a_layer_on_one_device_exchanges_nothing() -> None:
    assert communications(WHOLE, "uniform", 8, 10.0) == ()


def test_pairs_whose_expert_is_elsewhere_go_there_and_come_back() -> None:
    dispatch, combine = communications(RANK, "uniform", 8, 10.0)
    # 8 tokens to 2 experts each, of rows of 100 elements of 2 bytes, 3 of 4 on another rank.
    assert dispatch.link_bytes == combine.link_bytes == pytest.approx(8 * 2 * 200 * 3 / 4)
    assert dispatch.latency_us == pytest.approx(2400 / 10e9 * 1e6)


def test_a_rank_with_popular_experts_receives_more_than_it_sends() -> None:
    # Of its experts 0, 4, 8 and 12 the first gets every token: of 3 other ranks' 8 tokens too.
    counts = "counts:4:" + ",".join(["4", *["0"] * 3, "0", "4", *["0"] * 10])
    dispatch, _ = communications(RANK, counts, 8, None)
    assert dispatch.link_bytes == pytest.approx(3 * 8 * 200)
    assert dispatch.latency_us is None


def test_the_sums_of_tensor_parallel_ranks_are_added_up_by_an_all_reduce() -> None:
    (one,) = communications(replace(WHOLE, tensor_parallel=4), "uniform", 8, 100.0)
    assert (one.name, one.link_bytes) == ("all-reduce", 2 * 3 / 4 * 8 * 200)
    both = communications(replace(RANK, tensor_parallel=2), "uniform", 8, 100.0)
    assert [other.name.partition(",")[0] for other in both] == [
        "all-to-all", "all-to-all", "all-reduce",
    ]  # fmt: skip


@given(local=st.sampled_from([1, 2, 4, 8, 16]), tokens=st.integers(1, 4096))
def test_no_more_leaves_a_rank_than_its_pairs(local: int, tokens: int) -> None:
    rank = replace(WHOLE, local_experts=local)
    sent = [one.link_bytes for one in communications(rank, "uniform", tokens, 1.0)]
    assert all(0 < moved <= tokens * 2 * 200 for moved in sent)
    assert bool(sent) == (local < 16)


@pytest.mark.parametrize("bandwidth", [0, -1.0, math.inf, math.nan, "50"])
def test_a_bandwidth_that_is_none_is_refused(bandwidth: Any) -> None:
    with pytest.raises(BadInput, match=r"link_gb_per_s is|the bandwidth of the link is"):
        communications(RANK, "uniform", 8, bandwidth)
