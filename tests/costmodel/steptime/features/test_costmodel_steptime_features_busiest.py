"""Active experts of the busiest GPU agree with drawn routings, and stay within what it holds."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.costmodel.steptime.features.busiest import busiest_experts
from moeprof.costmodel.steptime.features.experts import active_experts
from moeprof.store.serving.whole_model import WholeModel
from moeprof.tests.costmodel.steptime.whole_models import DEEPSEEK_V3, LLAMA_3_8B

BATCHES = np.asarray([1.0, 2.0, 4.0, 16.0, 64.0])


def with_experts(count: int, top_k: int) -> WholeModel:
    assert DEEPSEEK_V3.experts is not None
    return replace(DEEPSEEK_V3, experts=replace(DEEPSEEK_V3.experts, count=count, top_k=top_k))


@pytest.mark.parametrize("ranks", [2, 8])
@pytest.mark.parametrize(("count", "top_k"), [(16, 1), (16, 2), (256, 8)])
def test_drawn_routings_agree_to_three_percent(count: int, top_k: int, ranks: int) -> None:
    """Those of Llama 4 Scout, Phi-3.5-MoE and DeepSeek-V3."""
    model, rng = with_experts(count, top_k), np.random.default_rng(0)
    told = busiest_experts(model, active_experts(model, BATCHES), ranks)
    for tokens, expected in zip(BATCHES.astype(int), told, strict=True):
        chosen = rng.random((1000, tokens, count)).argpartition(top_k - 1)[:, :, :top_k]
        hit = np.zeros((1000, count), dtype=bool)
        np.put_along_axis(hit, chosen.reshape(1000, -1), True, axis=1)
        most = hit.reshape(1000, ranks, -1).sum(axis=2).max(axis=1)
        assert expected == pytest.approx(most.mean(), rel=0.03)


def test_one_expert_is_whole_on_one_gpu() -> None:
    assert busiest_experts(with_experts(16, 1), np.ones(1), ranks=8) == pytest.approx(1)


def test_two_experts_meet_on_a_gpu_by_chance() -> None:
    """The second of 16 is one of the 15 others: it is the neighbour of the first once in 15."""
    found = busiest_experts(with_experts(16, 2), np.full(1, 2.0), ranks=8)
    assert found == pytest.approx(1 + 1 / 15)


def test_slices_on_every_gpu_have_no_busiest() -> None:
    active = active_experts(DEEPSEEK_V3, BATCHES)
    assert busiest_experts(DEEPSEEK_V3, active, ranks=1).tolist() == active.tolist()
    assert busiest_experts(LLAMA_3_8B, np.zeros(5), ranks=1).tolist() == [0] * 5


@given(st.integers(2, 512), st.integers(2, 9))
def test_they_grow_up_to_what_a_gpu_holds(count: int, ranks: int) -> None:
    ranks = min(count, ranks)
    active = np.arange(count + 1.0)
    found = busiest_experts(with_experts(count, 1), active, ranks)
    assert (np.diff(found) >= -1e-9).all()
    assert (found >= np.ceil(active / ranks) - 1e-9).all()
    assert found[-1] == pytest.approx(-(-count // ranks))
