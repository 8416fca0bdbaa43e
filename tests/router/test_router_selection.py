"""Picks are those of kernels/topk to the bit, whichever way they were computed."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.kernels.routing import NAMED, PLAIN, Routing, named_routing
from moeprof.kernels.topk import topk, topk_reference
from moeprof.router.selection import pick
from moeprof.store.errors import BadInput

ROUTINGS = [
    *NAMED.values(),
    named_routing("topk_grouped", 4, 2),
    named_routing("topk_biased", 4, 2),
]
AWKWARD = [float("nan"), float("inf"), -float("inf"), 0.0, -0.0, 1.0]


def same(logits: torch.Tensor, k: int, routing: Routing, bias: torch.Tensor | None) -> bool:
    """Whether picks have the bits of the reference."""
    picks = pick(logits, k, routing, bias)
    weights, ids = topk_reference(logits, k, routing, bias)
    counts = torch.bincount(ids.flatten(), minlength=logits.shape[1]).int()
    return (
        torch.equal(picks.ids, ids)
        and torch.equal(picks.weights, weights)
        and torch.equal(picks.counts, counts)
        and picks.ids.dtype == picks.counts.dtype == torch.int32
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("routing", ROUTINGS)
@pytest.mark.parametrize("biased", [False, True])
def test_picks_are_those_of_the_kernel_to_the_bit(
    routing: Routing, dtype: torch.dtype, biased: bool
) -> None:
    torch.manual_seed(0)
    logits = torch.randn(33, 16).to(dtype)
    bias = torch.randn(16) / 10 if biased else None
    assert same(logits, 3, routing, bias)
    assert same(logits[:1, :], 16 if routing.groups == 1 else 8, routing, bias)


@settings(max_examples=60)
@given(
    cells=st.lists(st.sampled_from(AWKWARD) | st.floats(-8, 8, width=16), min_size=24, max_size=24),
    k=st.integers(1, 6),
    biased=st.booleans(),
    routing=st.sampled_from([PLAIN, Routing("softmax"), Routing("sigmoid", renormalise=True)]),
)
def test_ties_nan_and_infinity_are_resolved_as_by_the_kernel(
    cells: list[float], k: int, biased: bool, routing: Routing
) -> None:
    bias = torch.linspace(-1, 1, 6) if biased else None
    assert same(torch.tensor(cells).view(4, 6), k, routing, bias)


def test_a_single_expert_that_is_masked_has_no_weight() -> None:
    assert same(torch.tensor([[-float("inf")], [1.0]]), 1, PLAIN, None)


def test_where_the_kernel_runs_one_call_gives_ids_weights_and_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []

    def counting(*arguments: Any) -> tuple[torch.Tensor, torch.Tensor]:
        calls.append(arguments)
        return topk(*arguments)

    monkeypatch.setattr("moeprof.router.selection.runs_kernel", lambda _: True)
    monkeypatch.setattr("moeprof.router.selection.topk", counting)
    logits, bias = torch.randn(9, 8), torch.linspace(-1, 1, 8)
    assert same(logits, 2, PLAIN, bias)
    ((*_, counts),) = calls
    assert int(counts.sum()) == 18


def test_a_batch_without_tokens_has_no_picks() -> None:
    picks = pick(torch.empty(0, 8), 2)
    assert (picks.ids.shape, picks.weights.shape) == ((0, 2), (0, 2))
    assert picks.counts.tolist() == [0] * 8


def test_weights_have_a_gradient_where_logits_want_one() -> None:
    logits = torch.randn(4, 8, requires_grad=True)
    (gradient,) = torch.autograd.grad(pick(logits, 2).weights.square().sum(), logits)
    assert gradient.abs().sum() > 0


@pytest.mark.parametrize(
    ("logits", "k", "bias", "sentence"),
    [
        (torch.zeros(8), 2, None, r"logits must be \[tokens, experts\]"),
        (torch.zeros(2, 8, dtype=torch.float64), 2, None, "not torch.float64"),
        (torch.zeros(2, 8), 9, None, "k is 9, and must lie in 1..8"),
        (torch.zeros(2, 8), 2, torch.zeros(7), r"bias must be torch.float32 \[8\]"),
        (torch.zeros(2, 8), 2, torch.zeros(8, device="meta"), "bias is on meta"),
    ],
)
def test_what_kernels_refuse_is_refused(
    logits: torch.Tensor, k: int, bias: torch.Tensor | None, sentence: str
) -> None:
    with pytest.raises(BadInput, match=sentence):
        pick(logits, k, bias=bias)
