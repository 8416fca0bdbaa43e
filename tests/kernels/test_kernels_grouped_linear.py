"""Grouped experts on the CPU: what they compute, their gradient, and what they refuse."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from moeprof.kernels.activation import REFERENCES
from moeprof.kernels.grouped_linear import grouped_linear, grouped_linear_reference
from moeprof.kernels.packing import pack
from moeprof.kernels.weights import Weights
from moeprof.store.errors import BadInput


def weights_of(number: int, outputs: int, inputs: int) -> Weights:
    packed = torch.stack([pack(torch.randint(0, 16, (outputs, inputs))) for _ in range(number)])
    return Weights(packed, torch.rand(number, inputs // 16, outputs) * 0.1)


UP = weights_of(3, 32, 16)
X = torch.randn(7, 16)
COUNTS = torch.tensor([4, 0, 3], dtype=torch.int32)


def test_the_triton_kernel_gives_what_the_reference_gives(
    interpreted: Callable[[str], None],
) -> None:
    interpreted("interpreted_grouped_linear.py")


@pytest.mark.parametrize("activation", REFERENCES)
def test_its_gradient_is_that_of_x_compiled_or_not(activation: str) -> None:
    torch.manual_seed(0)
    weights = Weights(UP.packed, UP.scales, torch.full((3, 1, 32), 7.0), torch.randn(3, 32))
    x = torch.randn(7, 16, requires_grad=True)
    expected = grouped_linear_reference(x, COUNTS, weights, activation)
    torch.compiler.reset()
    compiled = torch.compile(grouped_linear, backend="aot_eager", fullgraph=True)
    for call in (grouped_linear, compiled):
        y = call(x, COUNTS, weights, activation)
        torch.testing.assert_close(y, expected)
        torch.testing.assert_close(slopes(y, x), slopes(expected, x))


def slopes(y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return torch.autograd.grad(y.square().sum(), x, retain_graph=True)[0]


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # by opcheck of torch 2.14
def test_torch_sees_well_behaved_operators() -> None:
    x = X.clone().requires_grad_()
    arguments = (COUNTS, UP.packed, UP.scales, None)
    operator = torch.ops.moeprof.grouped_linear.default
    torch.library.opcheck(operator, (x, *arguments, torch.ones(3, 32), "silu", "integer"))
    gradient = torch.ops.moeprof.grouped_linear_gradient.default
    torch.library.opcheck(gradient, (torch.ones(7, 32), *arguments, "integer", 16))


def test_an_empty_batch_gives_an_empty_result() -> None:
    assert grouped_linear(X[:0], torch.zeros(3, dtype=torch.int32), UP).shape == (0, 32)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"counts": COUNTS.long()}, r"counts must be int32 \[3\] on cpu, not torch.int64"),
        ({"counts": COUNTS[:2]}, r"not torch.int32 \[2\]"),
        ({"counts": COUNTS + 1}, "sum to the 7 rows of x: their least is 1 and their sum 10"),
        ({"counts": COUNTS - COUNTS.roll(1) + 1}, "their least is -3 and their sum 3"),
        ({"weights": Weights(UP.packed[0], UP.scales)}, "packed must be int32 .experts"),
        ({"x": X[:, :7]}, "do not fit K = 7"),
        ({"activation": "tanh"}, "activation is 'tanh'"),
    ],
)
def test_a_bad_argument_is_named(changed: dict[str, Any], named: str) -> None:
    given_: dict[str, Any] = {"x": X, "counts": COUNTS, "weights": UP}
    with pytest.raises(BadInput, match=named):
        grouped_linear(**given_ | changed)
