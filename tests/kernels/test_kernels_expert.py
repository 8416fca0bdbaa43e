"""One expert, and the experts of a layer, on the CPU."""

import torch

from moeprof.kernels.expert import Weights, expert, experts
from moeprof.kernels.packing import dequantise, pack


def weights_of(number: int, outputs: int, inputs: int) -> Weights:
    packed = torch.stack([pack(torch.randint(0, 16, (outputs, inputs))) for _ in range(number)])
    return Weights(packed, torch.rand(number, inputs // 16, outputs) * 0.1)


UP, DOWN = weights_of(3, 32, 16), weights_of(3, 16, 32)
X = torch.randn(7, 16)
COUNTS = torch.tensor([4, 0, 3], dtype=torch.int32)


def test_an_expert_is_two_linear_layers_with_an_activation_between() -> None:
    up, down = UP.of(0), DOWN.of(0)
    inner = torch.nn.functional.silu(X @ dequantise(up.packed, up.scales, 16).T)
    expected = inner @ dequantise(down.packed, down.scales, 32).T
    torch.testing.assert_close(expert(X, up, down, "silu"), expected)


def test_grouped_experts_are_each_expert_on_its_own_rows() -> None:
    y = experts(X, COUNTS, UP, DOWN, "relu")
    torch.testing.assert_close(y[:4], expert(X[:4], UP.of(0), DOWN.of(0), "relu"))
    torch.testing.assert_close(y[4:], expert(X[4:], UP.of(2), DOWN.of(2), "relu"))


def test_a_compiled_layer_is_one_graph() -> None:
    torch.compiler.reset()
    compiled = torch.compile(experts, backend="aot_eager", fullgraph=True)
    assert torch.equal(compiled(X, COUNTS, UP, DOWN), experts(X, COUNTS, UP, DOWN))
