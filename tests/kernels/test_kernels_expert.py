"""One expert and grouped experts on the CPU, and what they refuse."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from moeprof.kernels.expert import Weights, expert, experts, grouped_linear
from moeprof.kernels.packing import dequantise, pack
from moeprof.store.errors import BadInput


def weights_of(number: int, outputs: int, inputs: int) -> Weights:
    packed = torch.stack([pack(torch.randint(0, 16, (outputs, inputs))) for _ in range(number)])
    return Weights(packed, torch.rand(number, inputs // 16, outputs) * 0.1)


UP, DOWN = weights_of(3, 32, 16), weights_of(3, 16, 32)
X = torch.randn(7, 16)
COUNTS = torch.tensor([4, 0, 3], dtype=torch.int32)


def test_the_triton_kernel_gives_what_the_reference_gives(
    interpreted: Callable[[str], None],
) -> None:
    interpreted("interpreted_expert.py")


def test_an_expert_is_two_linear_layers_with_an_activation_between() -> None:
    up, down = UP.of(0), DOWN.of(0)
    inner = torch.nn.functional.silu(X @ dequantise(up.packed, up.scales, 16).T)
    expected = inner @ dequantise(down.packed, down.scales, 32).T
    torch.testing.assert_close(expert(X, up, down, "silu"), expected)


def test_grouped_experts_are_each_expert_on_its_own_rows() -> None:
    y = experts(X, COUNTS, UP, DOWN, "relu")
    torch.testing.assert_close(y[:4], expert(X[:4], UP.of(0), DOWN.of(0), "relu"))
    torch.testing.assert_close(y[4:], expert(X[4:], UP.of(2), DOWN.of(2), "relu"))


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
        ({"weights": Weights(UP.packed, UP.scales[:2])}, "of 3 experts and scales of 2"),
        ({"x": X[:, :7]}, "do not fit K = 7"),
        ({"activation": "tanh"}, "activation is 'tanh'"),
    ],
)
def test_a_bad_argument_is_named(changed: dict[str, Any], named: str) -> None:
    given_: dict[str, Any] = {"x": X, "counts": COUNTS, "weights": UP}
    with pytest.raises(BadInput, match=named):
        grouped_linear(**given_ | changed)
