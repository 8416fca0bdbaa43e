"""The Triton kernel of dequant-linear against float64; `interpreted` runs this file."""

import pytest
import torch

from moeprof.kernels.backend import runs_kernel
from moeprof.kernels.dequant_linear import dequant_linear, dequant_linear_reference
from moeprof.kernels.int4 import pack

LIMIT = {torch.float32: 1e-6, torch.bfloat16: 6e-3, torch.float16: 1e-3}  # relative, 2-norm


def test_it_is_the_kernel_that_computes() -> None:
    assert runs_kernel(torch.ones(1))


def _inputs(
    tokens: int, outputs: int, inputs: int, group: int, dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(tokens)
    packed = pack(torch.randint(0, 16, (outputs, inputs)))
    scales = torch.rand(inputs // group, outputs) + 0.5
    return torch.randn(tokens, inputs).to(dtype), packed, scales.to(dtype)


@pytest.mark.parametrize("dtype", list(LIMIT))
@pytest.mark.parametrize(
    ("tokens", "outputs", "inputs", "group"),
    [(1, 64, 64, 64), (5, 70, 128, 32), (33, 96, 192, 64), (17, 8, 72, 8), (65, 65, 40, 40)],
)
def test_it_is_close_to_float64(
    tokens: int, outputs: int, inputs: int, group: int, dtype: torch.dtype
) -> None:
    x, packed, scales = _inputs(tokens, outputs, inputs, group, dtype)
    y = dequant_linear(x, packed, scales)
    expected = dequant_linear_reference(x.double(), packed, scales.double())
    assert y.dtype == dtype
    assert (y.double() - expected).norm() / expected.norm() < LIMIT[dtype]


def test_each_weight_is_where_the_layout_says() -> None:
    _, packed, scales = _inputs(1, 40, 64, 32, torch.float32)
    identity = torch.eye(64)
    expected = dequant_linear_reference(identity, packed, scales)
    assert torch.equal(dequant_linear(identity, packed, scales), expected)


def test_strided_x_is_read_as_it_lies() -> None:
    x, packed, scales = _inputs(6, 64, 64, 64, torch.float32)
    wide = torch.stack([x, torch.zeros_like(x)], dim=2).flatten(1)
    assert torch.equal(
        dequant_linear(wide[:, ::2], packed, scales), dequant_linear(x, packed, scales)
    )
