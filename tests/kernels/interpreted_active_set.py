"""The Triton kernel of the active set against its reference; `interpreted` runs this file."""

import pytest
import torch

from moeprof.kernels.active_set import active_set, active_set_reference
from moeprof.kernels.backend import runs_kernel


def test_the_kernel_computes_and_not_the_reference() -> None:
    assert runs_kernel(torch.ones(1))


@pytest.mark.parametrize("price", [0.0, 0.2, 0.5, 9.0])
@pytest.mark.parametrize(
    ("tokens", "experts", "k"), [(1, 8, 2), (16, 128, 8), (5, 7, 7), (3, 100, 3), (20, 256, 4)]
)
def test_kept_experts_and_routing_equal_the_reference(
    tokens: int, experts: int, k: int, price: float
) -> None:
    torch.manual_seed(experts)
    scores = torch.softmax(2 * torch.randn(tokens, experts), dim=1)
    prices = torch.full((experts,), price)
    weights, ids, kept = active_set(scores, prices, k)
    expected = active_set_reference(scores.double(), prices, k)
    assert torch.equal(kept, expected[2])
    assert torch.equal(ids, expected[1])
    assert (weights - expected[0]).abs().max() < 1e-6
    again = active_set(scores, prices, k)
    assert all(map(torch.equal, again, (weights, ids, kept)))


def test_a_token_with_nan_adds_no_value_and_has_weight_0() -> None:
    scores = torch.tensor([[0.1, 0.2, 0.7], [float("nan"), 0.9, 0.1]])
    weights, ids, kept = active_set(scores, torch.full((3,), 0.5), 2)
    expected = active_set_reference(scores, torch.full((3,), 0.5), 2)
    assert kept.tolist() == [False, False, True]
    assert torch.equal(ids, expected[1])
    torch.testing.assert_close(weights, expected[0])
    assert weights[1].tolist() == [0, 0]
    assert len(set(ids[1].tolist())) == 2
