"""Permute and unpermute: rows sorted by expert, and back at their tokens."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.kernels.dispatch import permute, unpermute
from moeprof.scenarios.expert_loads import choices, expert_loads

sizes = {"experts": st.integers(1, 12), "top_k": st.integers(1, 4), "tokens": st.integers(1, 20)}


def picks_of(experts: int, top_k: int, tokens: int) -> torch.Tensor:
    return torch.from_numpy(choices("zipf:1", tokens, experts, min(top_k, experts)))


@settings(max_examples=40, deadline=None)
@given(**sizes)
def test_rows_are_sorted_by_expert_and_the_ends_are_those_of_the_loads(
    experts: int, top_k: int, tokens: int
) -> None:
    ids = picks_of(experts, top_k, tokens)
    x = torch.arange(tokens)[:, None].expand(tokens, 3).contiguous()
    rows, ends, order = permute(x, ids, experts)
    loads = expert_loads("zipf:1", tokens, experts, ids.shape[1])
    assert ends.tolist() == loads.cumsum().tolist()
    assert (rows[:, 0] == order // ids.shape[1]).all()
    of_row = ids.flatten()[order]
    assert (of_row.diff() >= 0).all()


@settings(max_examples=40, deadline=None)
@given(**sizes)
def test_rows_that_no_expert_changed_come_back_times_the_sum_of_their_weights(
    experts: int, top_k: int, tokens: int
) -> None:
    ids = picks_of(experts, top_k, tokens)
    generator = torch.Generator().manual_seed(tokens)
    x = torch.randn(tokens, 5, generator=generator, dtype=torch.float64)
    weights = torch.rand(ids.shape, generator=generator)
    rows, _, order = permute(x, ids, experts)
    found = unpermute(rows, order, weights)
    torch.testing.assert_close(found, x * weights.double().sum(1, keepdim=True))
