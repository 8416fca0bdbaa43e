"""The Triton kernel of grouped experts against float64; `interpreted` runs this file."""

from unittest.mock import patch

import pytest
import torch

from moeprof.kernels import grouped_linear as module
from moeprof.kernels.backend import runs_kernel
from moeprof.kernels.expert import experts
from moeprof.kernels.grouped_linear import grouped_linear, grouped_linear_reference
from moeprof.kernels.packing import pack
from moeprof.kernels.weights import Weights

BF16, FP16, FP32 = torch.bfloat16, torch.float16, torch.float32


def weights_of(number: int, outputs: int, inputs: int, bits: int, dtype: torch.dtype) -> Weights:
    packed = torch.stack(
        [pack(torch.randint(0, 1 << bits, (outputs, inputs)), bits) for _ in range(number)]
    )
    shape = (number, inputs // 64, outputs)
    zeros = torch.randint(0, 1 << bits, shape).to(dtype)
    bias = torch.randn(number, outputs).to(dtype)
    return Weights(packed, (torch.rand(shape) * 0.02).to(dtype), zeros, bias)


def widened(weights: Weights) -> Weights:
    assert weights.zeros is not None
    assert weights.bias is not None
    scales, zeros, bias = weights.scales.double(), weights.zeros.double(), weights.bias.double()
    return Weights(weights.packed, scales, zeros, bias)


def error(y: torch.Tensor, exact: torch.Tensor) -> float:
    return float((y.double() - exact).norm() / exact.norm())


def test_the_kernel_computes_and_not_the_reference() -> None:
    assert runs_kernel(torch.ones(1))


@pytest.mark.parametrize("activation", ["silu", "silu_mul"])
@pytest.mark.parametrize(
    ("counts", "bits", "dtype"),
    [
        ([3, 0, 20, 1], 4, BF16),
        ([0, 0, 5], 8, FP16),
        ([7], 4, FP32),
        ([40, 33, 0, 17, 1], 4, FP16),
    ],
)
def test_each_row_goes_through_its_own_expert(
    counts: list[int], bits: int, dtype: torch.dtype, activation: str
) -> None:
    torch.manual_seed(0)
    weights = weights_of(len(counts), 40, 128, bits, dtype)
    x, sizes = torch.randn(sum(counts), 128).to(dtype), torch.tensor(counts, dtype=torch.int32)
    exact = grouped_linear_reference(x.double(), sizes, widened(weights), activation)
    torch_error = error(grouped_linear_reference(x, sizes, weights, activation), exact)
    poison = torch.empty
    with patch.object(torch, "empty", lambda *a, **k: poison(*a, **k).fill_(float("nan"))):
        y = grouped_linear(x, sizes, weights, activation)
        again = grouped_linear(x, sizes, weights, activation)
    assert error(y, exact) <= 2 * torch_error + 1e-6  # float32 is summed in another order
    assert torch.equal(y, again)


@pytest.mark.parametrize("counts", [[4, 3, 2], [-3, 4, 3], [9, -5, 0], [2**31 - 1] * 3])
def test_counts_that_are_wrong_write_nothing_outside_the_result(counts: list[int]) -> None:
    weights = weights_of(3, 16, 64, 4, FP32)
    room = torch.full((60, 16), 7.0)
    with patch.object(module, "empty_result", lambda *_: room[20:24]):
        grouped_linear(torch.randn(4, 64), torch.tensor(counts, dtype=torch.int32), weights)
    assert bool((room[:20] == 7).all())
    assert bool((room[24:] == 7).all())


def test_a_layer_of_experts_is_two_grouped_linear_layers() -> None:
    torch.manual_seed(0)
    up, down = weights_of(3, 64, 128, 4, FP32), weights_of(3, 128, 64, 4, FP32)
    x, counts = torch.randn(9, 128), torch.tensor([4, 0, 5], dtype=torch.int32)
    inner = grouped_linear_reference(x.double(), counts, widened(up), "relu")
    exact = grouped_linear_reference(inner, counts, widened(down))
    assert error(experts(x, counts, up, down, "relu"), exact) < 1e-6
