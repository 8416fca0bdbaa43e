"""The Triton kernel of dequant-linear against float64; `interpreted` runs this file."""

from typing import Any
from unittest.mock import patch

import pytest
import torch

from moeprof.kernels import dequant_linear as module
from moeprof.kernels.backend import interprets, runs_kernel
from moeprof.kernels.dequant_linear import dequant_linear, dequant_linear_reference
from moeprof.kernels.packing import pack
from moeprof.kernels.tiling.tiles import Gpu, Tile

BF16, FP16, FP32 = torch.bfloat16, torch.float16, torch.float32
#        tokens  N    K  group bits dtype zeros  bias  activation
CASES = [
    (1, 64, 512, 128, 4, BF16, False, True, "gelu_tanh"),
    (16, 70, 128, 32, 4, FP16, True, True, "gelu_erf"),
    (17, 40, 192, 64, 8, BF16, True, False, "silu"),
    (3, 48, 200, 200, 4, FP32, False, False, "none"),
    (33, 56, 40, 8, 8, FP16, False, True, "relu"),
    (130, 48, 256, 64, 4, BF16, True, False, "none"),
    (65, 144, 256, 256, 8, FP16, False, True, "silu"),
    (1, 16, 1024, 128, 8, FP32, True, True, "gelu_erf"),
    (20, 40, 288, 96, 4, BF16, True, False, "none"),
    (70, 24, 240, 24, 8, FP16, True, False, "relu"),
    (17, 40, 192, 64, 4, BF16, True, True, "silu_mul"),
    (1, 32, 1024, 128, 8, FP32, False, False, "gelu_mul"),
]

# Families 90 and 100 differ from 32 rows on.
CASES_BY_FAMILY = [
    (case, family) for case in CASES for family in (80, 90, 100) if family != 100 or case[0] > 32
]


def test_the_kernel_computes_and_not_the_reference() -> None:
    assert runs_kernel(torch.ones(1))


def inputs_of(
    tokens: int, outputs: int, inputs: int, group: int, bits: int, dtype: torch.dtype
) -> tuple[torch.Tensor, ...]:
    """x, packed, scales, zeros, bias."""
    torch.manual_seed(tokens)
    q = torch.randint(0, 1 << bits, (outputs, inputs))
    shape = (inputs // group, outputs)
    zeros = torch.randint(0, 1 << bits, shape).to(dtype)
    scales = torch.rand(shape) * 0.02
    floats = torch.randn(tokens, inputs).to(dtype), scales.to(dtype), torch.randn(outputs)
    return floats[0], pack(q, bits), floats[1], zeros, floats[2].to(dtype)


def double(value: torch.Tensor | None) -> torch.Tensor | None:
    return None if value is None else value.double()


def error(y: torch.Tensor, exact: torch.Tensor) -> float:
    return float((y.double() - exact).norm() / exact.norm())


@pytest.mark.parametrize(("case", "family"), CASES_BY_FAMILY, ids=str)
def test_it_is_as_close_to_float64_as_torch_is(
    case: tuple[Any, ...], family: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "INTERPRETER", Gpu("interpreter", family, 16))  # a GPU is itself
    tokens, outputs, inputs, group, bits, dtype, with_zeros, with_bias, activation = case
    x, packed, scales, all_zeros, all_bias = inputs_of(tokens, outputs, inputs, group, bits, dtype)
    zeros = all_zeros if with_zeros else None
    bias = all_bias if with_bias else None
    exact = dequant_linear_reference(
        x.double(), packed, scales.double(), double(zeros), double(bias), activation
    )
    torch_error = error(dequant_linear_reference(x, packed, scales, zeros, bias, activation), exact)
    poison = torch.empty
    with patch.object(torch, "empty", lambda *a, **k: poison(*a, **k).fill_(float("nan"))):
        y = dequant_linear(x, packed, scales, zeros, bias, activation)
        again = y
        # Programs are interpreted one by one: only sums of split products could differ.
        if not interprets() or tokens <= 16:
            again = dequant_linear(x, packed, scales, zeros, bias, activation)
    assert y.dtype == dtype
    assert error(y, exact) <= 2 * torch_error + 1e-6  # float32 is summed in another order
    if interprets():  # all is float32, but for the result
        assert error(y, exact) <= 1.05 * error(exact.to(dtype), exact) + 1e-6
    assert torch.equal(y, again)


@pytest.mark.parametrize("splits", [1, 2, 3, 4])
def test_split_sums_are_added_in_their_order_and_the_counters_end_at_zero(splits: int) -> None:
    x, packed, scales, _, bias = inputs_of(5, 96, 512, 128, 4, FP16)
    counters = torch.zeros(2, dtype=torch.int32)
    tile = Tile(16, 64, 128, 4, 1, "product", splits)
    with (
        patch.object(module, "choose_tile", lambda *_: tile),
        patch.object(module, "counters", lambda *_: counters),
    ):
        y, again = (dequant_linear(x, packed, scales, bias=bias) for _ in range(2))
    assert torch.equal(y, again)
    assert not counters.any()
    exact = dequant_linear_reference(x.double(), packed, scales.double(), bias=bias.double())
    assert error(y, exact) < 5e-4


def test_parts_are_float32_whatever_the_default_dtype_of_torch() -> None:
    x, packed, scales, _, _ = inputs_of(5, 48, 512, 128, 4, FP32)
    tile = Tile(16, 64, 128, 4, 1, "product", splits=4)
    with patch.object(module, "choose_tile", lambda *_: tile):
        expected = dequant_linear(x, packed, scales)
        torch.set_default_dtype(BF16)
        try:
            found = dequant_linear(x, packed, scales)
        finally:
            torch.set_default_dtype(FP32)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("shift", [1, 4, 8])
def test_rows_of_a_wider_tensor_are_read_without_a_copy_if_aligned(shift: int) -> None:
    x, packed, scales, _, _ = inputs_of(5, 48, 128, 128, 4, FP16)
    wide = torch.full((5, 128 + 2 * shift), float("nan"), dtype=FP16)
    wide[:, shift : 128 + shift] = x
    rows = wide[:, shift : 128 + shift]
    assert torch.equal(dequant_linear(rows, packed, scales), dequant_linear(x, packed, scales))


@pytest.mark.parametrize("bits", [4, 8])
def test_each_weight_is_where_the_layout_says(bits: int) -> None:
    _, packed, scales, _, _ = inputs_of(1, 40, 128, 64, bits, FP32)
    identity = torch.eye(128)
    expected = dequant_linear_reference(identity, packed, scales)
    assert torch.equal(dequant_linear(identity, packed, scales), expected)


def test_rows_of_a_strided_tensor_are_read_right() -> None:
    x, packed, scales, _, _ = inputs_of(6, 64, 64, 64, 4, FP32)
    wide = torch.cat([x, torch.full_like(x, float("nan"))], dim=1)
    assert torch.equal(
        dequant_linear(wide[:, :64], packed, scales), dequant_linear(x, packed, scales)
    )


def test_nan_stays_in_its_row() -> None:
    x, packed, scales, _, _ = inputs_of(3, 32, 64, 64, 4, FP32)
    clean = dequant_linear(x, packed, scales, activation="relu")
    x[1, 5] = float("nan")
    y = dequant_linear(x, packed, scales, activation="relu")
    assert y[1].isnan().all()
    assert torch.equal(y[::2], clean[::2])
