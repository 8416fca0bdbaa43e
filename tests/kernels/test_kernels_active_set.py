"""The active set: the rule, its limits, and what it refuses."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.kernels.active_set import active_set, active_set_reference
from moeprof.kernels.routing import Routing
from moeprof.kernels.topk import topk
from moeprof.store.errors import BadInput


def test_the_triton_kernel_gives_what_the_reference_gives(
    interpreted: Callable[[str], None],
) -> None:
    interpreted("interpreted_active_set.py")


def test_an_expert_is_kept_if_its_values_reach_its_price() -> None:
    # Worth, by (score - third) / (first + second): 0.5 / 0.8 of expert 0, 0.1 / 0.8 of expert 1,
    # and of the second token 0.3 / 0.9 of expert 1, 0.4 / 0.9 of expert 2.
    scores = torch.tensor([[0.6, 0.2, 0.1, 0.1], [0.1, 0.4, 0.5, 0.0]])
    worth_of_1 = 0.1 / 0.8 + 0.3 / 0.9
    dear = torch.tensor([9.0, worth_of_1 + 1e-4, 9.0, 0.1])
    weights, ids, kept = active_set(scores, dear, 2)
    assert kept.tolist() == [True, False, True, False]  # 0 and 2 are first choices
    assert ids.tolist() == [[0, 2], [2, 0]]
    torch.testing.assert_close(weights, torch.tensor([[0.6, 0.1], [0.5, 0.1]]))
    cheap = torch.tensor([9.0, worth_of_1 - 1e-4, 9.0, 0.1])
    assert active_set(scores, cheap, 2)[2].tolist() == [True, True, True, False]


@settings(max_examples=25)
@given(st.integers(1, 12), st.integers(2, 20), st.integers(0, 1000))
def test_without_prices_the_picks_are_those_of_top_k(tokens: int, experts: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    scores = torch.softmax(torch.randn(tokens, experts, generator=generator), dim=1)
    _, ids, kept = active_set(scores, torch.zeros(experts), 2)
    assert kept.all()
    assert torch.equal(ids, topk(scores, 2, Routing("sigmoid"))[1])


@settings(max_examples=25)
@given(st.integers(0, 1000), st.floats(0, 3))
def test_a_higher_price_keeps_no_more_experts_and_every_top_1(seed: int, price: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    scores = torch.softmax(torch.randn(6, 10, generator=generator), dim=1)
    _, ids, kept = active_set(scores, torch.full((10,), price), 3)
    _, _, fewer = active_set(scores, torch.full((10,), price + 0.5), 3)
    assert not (fewer & ~kept).any()
    assert torch.equal(ids[:, 0].long(), scores.argmax(dim=1))
    assert all(len(set(row)) == 3 for row in ids.tolist())


def test_picks_that_are_not_kept_have_weight_0() -> None:
    weights, ids, _ = active_set(torch.tensor([[0.1, 0.6, 0.3]]), torch.full((3,), 9.0), 3)
    assert ids.tolist() == [[1, 2, 0]]
    torch.testing.assert_close(weights, torch.tensor([[0.6, 0.0, 0.0]]))


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_a_compiled_graph_is_whole_and_its_gradient_is_that_of_the_scores(backend: str) -> None:
    torch.manual_seed(0)
    scores = torch.softmax(torch.randn(5, 8), dim=1).requires_grad_()
    prices = torch.full((8,), 0.4)
    torch.compiler.reset()
    compiled = torch.compile(active_set, backend=backend, fullgraph=True)
    weights, ids, kept = compiled(scores, prices, 3)
    expected_weights, expected_ids, expected_kept = active_set_reference(scores, prices, 3)
    assert 0 < kept.sum() < 8
    assert torch.equal(weights, expected_weights)
    assert torch.equal(ids, expected_ids)
    assert torch.equal(kept, expected_kept)
    (slopes,) = torch.autograd.grad(weights.square().sum(), scores)
    (expected,) = torch.autograd.grad(expected_weights.square().sum(), scores)
    assert torch.equal(slopes, expected)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # by opcheck of torch 2.14
def test_torch_sees_one_well_behaved_operator() -> None:
    torch.manual_seed(0)
    scores = torch.rand(3, 8, requires_grad=True)
    torch.library.opcheck(torch.ops.moeprof.active_set.default, (scores, torch.rand(8), 2))


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"scores": torch.ones(3)}, r"\[3\]"),
        ({"scores": torch.ones(4097, 4)}, "4097 tokens, and must be at most 4096"),
        ({"prices": torch.ones(3)}, r"prices must be torch.float32 \[4\]"),
        ({"prices": torch.ones(4, device="meta")}, "prices is on meta, and must be on cpu"),
        ({"k": 5}, r"k is 5, and must lie in 1\.\.4"),
    ],
)
def test_a_bad_argument_is_named(changed: dict[str, Any], named: str) -> None:
    given_: dict[str, Any] = {"scores": torch.ones(2, 4), "prices": torch.ones(4), "k": 2} | changed
    with pytest.raises(BadInput, match=named):
        active_set(**given_)
