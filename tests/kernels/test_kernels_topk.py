"""topk on the CPU: its picks, weights, gradient, operators, and refusals."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.kernels.routing import Routing, weights_of
from moeprof.kernels.topk import topk
from moeprof.store.errors import BadInput

floats16 = st.floats(width=16, allow_nan=True, allow_infinity=True)


def test_the_triton_kernel_gives_what_the_reference_gives(
    interpreted: Callable[[str], None],
) -> None:
    interpreted("interpreted_topk.py")


def test_weights_are_the_softmax_over_the_picked_logits() -> None:
    weights, ids = topk(torch.tensor([[0.0, 3.0, 1.0, 2.0]]), 2)
    assert ids.tolist() == [[1, 3]]
    assert ids.dtype == torch.int32
    torch.testing.assert_close(weights, torch.softmax(torch.tensor([[3.0, 2.0]]), dim=1))


def test_weights_of_half_precision_logits_are_float32() -> None:
    weights, _ = topk(torch.randn(3, 8).bfloat16(), 2)
    assert weights.dtype == torch.float32


@settings(max_examples=50)
@given(st.lists(floats16, min_size=1, max_size=12), st.data())
def test_ids_are_distinct_in_range_and_in_order(row: list[float], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(row)))
    ids = topk(torch.tensor([row]), k)[1][0].tolist()
    assert len(set(ids)) == k
    assert set(ids) <= set(range(len(row)))
    rank = [(row[i] == row[i], -row[i] if row[i] == row[i] else 0, i) for i in range(len(row))]
    assert ids == sorted(range(len(row)), key=rank.__getitem__)[:k]


def test_each_routing_option_computes_its_formula() -> None:
    logits = torch.tensor([[0.0, 1.0, 2.0, 3.0]])
    bias = torch.tensor([5.0, 0.0, 0.0, 0.0])
    weights, ids = topk(logits, 2, Routing("sigmoid", renormalise=True, scale=3.0), bias)
    assert ids.tolist() == [[0, 3]]  # the bias ranks,
    chosen = torch.sigmoid(torch.tensor([[0.0, 3.0]]))  # and does not weigh
    torch.testing.assert_close(weights, 3 * chosen / chosen.sum())
    weights, _ = topk(logits, 2, Routing("softmax"))
    torch.testing.assert_close(weights, torch.softmax(logits, dim=1)[:, [3, 2]])


@pytest.mark.parametrize("scores", ["picked", "softmax", "sigmoid"])
def test_a_bias_does_not_raise_an_expert_from_minus_infinity(scores: Any) -> None:
    logits = torch.tensor([[float("-inf"), 2.0, 1.0, 0.0]])
    weights, ids = topk(logits, 4, Routing(scores), torch.tensor([0.9, 0.0, 0.0, 0.0]))
    assert ids.tolist() == [[1, 2, 3, 0]]
    assert weights[0, 3] == 0


def test_only_the_best_groups_are_picked_from() -> None:
    logits = torch.tensor([[9.0, 0.0, 8.0, 8.0, 7.0, 7.5]])
    one_of_three = Routing(groups=3, kept_groups=1)
    assert topk(logits, 2, one_of_three)[1].tolist() == [[0, 1]]  # by the largest
    assert topk(logits, 2, one_of_three, torch.zeros(6))[1].tolist() == [[2, 3]]  # by the two


def test_counts_grow_by_the_tokens_of_each_expert() -> None:
    counts = torch.tensor([10, 0, 0], dtype=torch.int32)
    topk(torch.tensor([[3.0, 2.0, 1.0], [0.0, 2.0, 1.0]]), 2, counts=counts)
    assert counts.tolist() == [11, 2, 1]


@pytest.mark.parametrize(
    "routing", [Routing(), Routing("softmax"), Routing("sigmoid", renormalise=True, scale=2.0)]
)
def test_the_gradient_of_the_weights_is_right(routing: Routing) -> None:
    torch.manual_seed(0)
    logits = torch.randn(3, 6, dtype=torch.float32, requires_grad=True)
    towards = torch.randn(3, 2)
    weights, ids = topk(logits, 2, routing)
    assert not ids.requires_grad
    (weights * towards).sum().backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    exact = logits.detach().double()
    for row, column in ((0, 0), (1, 3), (2, 5), *zip(range(3), ids[:, 0].tolist(), strict=True)):
        step = torch.zeros(3, 6, dtype=torch.float64)
        step[row, column] = 1e-5
        slope = (weighed(exact + step, routing, ids) - weighed(exact - step, routing, ids)) / 2e-5
        expected = (slope * towards).sum()
        torch.testing.assert_close(
            logits.grad[row, column].double(), expected, atol=1e-5, rtol=1e-4
        )


def weighed(logits: torch.Tensor, routing: Routing, ids: torch.Tensor) -> torch.Tensor:
    return weights_of(logits, ids.long(), routing)


def test_a_row_without_weights_gets_no_gradient() -> None:
    logits = torch.tensor([[float("nan"), 1.0], [1.0, 2.0]], requires_grad=True)
    weights, _ = topk(logits, 2)
    weights[:, 0].sum().backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert logits.grad[0].tolist() == [0, 0]
    assert logits.grad[1].abs().sum() > 0


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize(
    "routing", [Routing(), Routing("softmax", scale=2.0), Routing("sigmoid", True, groups=2)]
)
def test_a_compiled_graph_is_whole_and_gives_the_same(routing: Routing, backend: str) -> None:
    torch.manual_seed(0)
    logits, bias = torch.randn(5, 6, requires_grad=True), torch.randn(6)
    torch.compiler.reset()
    compiled = torch.compile(topk, backend=backend, fullgraph=True)
    weights, ids = compiled(logits, 2, routing, bias)
    expected_weights, expected_ids = topk(logits, 2, routing, bias)
    assert torch.equal(ids, expected_ids)
    assert torch.equal(weights, expected_weights)
    assert torch.equal(slopes(weights, logits), slopes(expected_weights, logits))


@pytest.mark.parametrize("dynamic", [None, True])
def test_a_compiled_graph_takes_any_scale(dynamic: bool | None) -> None:
    def route(logits: torch.Tensor, scale: float) -> torch.Tensor:
        return topk(logits, 2, Routing("softmax", scale=scale))[0]

    logits = torch.randn(3, 6, requires_grad=True)
    torch.compiler.reset()
    compiled = torch.compile(route, backend="aot_eager", fullgraph=True, dynamic=dynamic)
    for scale in (1.0, 2.5, 16.0):
        weights, expected = compiled(logits, scale), route(logits, scale)
        assert torch.equal(weights, expected)
        torch.testing.assert_close(slopes(weights, logits), slopes(expected, logits))


def slopes(weights: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    return torch.autograd.grad(weights[:, 0].sum(), logits)[0]


@pytest.mark.parametrize("wants_gradient", [False, True])
def test_a_compiled_graph_counts(wants_gradient: bool) -> None:
    logits = torch.tensor([[3.0, 2.0, 1.0], [0.0, 2.0, 1.0]], requires_grad=wants_gradient)
    counts = torch.tensor([10, 0, 0], dtype=torch.int32)
    torch.compiler.reset()
    compiled = torch.compile(topk, backend="aot_eager", fullgraph=True)
    weights, _ = compiled(logits, 2, counts=counts)
    topk(logits, 2, counts=counts)
    assert weights.requires_grad == wants_gradient
    assert counts.tolist() == [12, 4, 2]


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # by opcheck of torch 2.14
def test_torch_sees_well_behaved_operators() -> None:
    torch.manual_seed(0)
    logits, bias = torch.randn(3, 8), torch.randn(8)
    settings = (2, "softmax", True, 2.5, 4, 2)
    counts = torch.zeros(8, dtype=torch.int32)
    counting = torch.ops.moeprof.topk_counting.default
    torch.library.opcheck(counting, (logits, bias, *settings, counts))
    operator = torch.ops.moeprof.topk.default
    torch.library.opcheck(operator, (logits.bfloat16(), None, *settings))
    torch.library.opcheck(operator, (logits.requires_grad_(), bias, *settings))


def test_an_export_holds_the_operator() -> None:
    class Router(torch.nn.Module):
        def forward(self, logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return topk(logits, 2)

    logits = torch.randn(5, 8)
    tokens = torch.export.Dim("tokens", min=2, max=512)
    exported = torch.export.export(Router(), (logits,), dynamic_shapes={"logits": {0: tokens}})
    assert "torch.ops.moeprof.topk" in exported.graph_module.code
    assert torch.equal(exported.module()(logits)[1], topk(logits, 2)[1])


def test_an_empty_batch_of_groups_gives_an_empty_result() -> None:
    weights, ids = topk(torch.ones(0, 16), 2, Routing(groups=4, kept_groups=2))
    assert weights.shape == ids.shape == (0, 2)


def test_an_empty_batch_gives_an_empty_result() -> None:
    weights, ids = topk(torch.ones(0, 4), 2)
    assert (weights.shape, ids.shape) == ((0, 2), (0, 2))


@pytest.mark.parametrize(
    ("logits", "k", "named"),
    [
        (torch.ones(3), 1, r"\[3\]"),
        (torch.ones(2, 4, dtype=torch.int32), 1, "int32"),
        (torch.ones(2, 4), 0, "k is 0"),
        (torch.ones(2, 4), 5, r"1\.\.4"),
        (torch.ones(2, 64), 33, r"1\.\.32"),
        (torch.ones(2, 1025), 1, "1025 experts"),
        (torch.ones(2, 4), 2.0, r"k is 2\.0"),
        (torch.empty(512, 1 << 22, device="meta").T, 1, "offsets up to 2147483648"),
    ],
)
def test_a_bad_argument_is_named(logits: torch.Tensor, k: Any, named: str) -> None:
    with pytest.raises(BadInput, match=named):
        topk(logits, k)


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"routing": Routing(groups=3)}, "4 experts do not divide into 3 groups"),
        ({"routing": Routing(groups=4, kept_groups=1)}, r"k is 2, and must lie in 1\.\.1"),
        ({"bias": torch.ones(3)}, r"bias must be torch.float32 \[4\]"),
        ({"bias": torch.ones(4, device="meta")}, "bias is on meta, and must be on cpu"),
        ({"counts": torch.ones(4)}, "counts must be torch.int32"),
        ({"counts": torch.ones(8, dtype=torch.int32)[::2]}, "counts must be contiguous"),
    ],
)
def test_what_does_not_fit_the_logits_is_named(more: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        topk(torch.ones(2, 4), 2, **more)
