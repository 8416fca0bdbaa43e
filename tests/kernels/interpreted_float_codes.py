"""The Triton kernels on floating-point weights against float64; `interpreted` runs this file."""

from typing import Any
from unittest.mock import patch

import pytest
import torch

from moeprof.kernels import dequant_linear as module
from moeprof.kernels.backend import interprets
from moeprof.kernels.dequant_linear import dequant_linear, dequant_linear_reference
from moeprof.kernels.formats.registry import format_named
from moeprof.kernels.grouped_linear import grouped_linear, grouped_linear_reference
from moeprof.kernels.tiling.tiles import Gpu
from moeprof.kernels.weights import Weights

BF16, FP16, FP32 = torch.bfloat16, torch.float16, torch.float32
FORMATS = ("fp8_tensor", "fp8_channel", "fp8_block", "mxfp4")
#        tokens  N    K  dtype activation
CASES = [
    (1, 128, 512, BF16, "none"),
    (17, 256, 128, FP16, "silu_mul"),
    (3, 128, 384, FP32, "clipped_mul"),
    (130, 128, 256, BF16, "none"),
    (65, 256, 256, FP16, "gelu_mul"),
]


def widened(weights: Weights) -> Weights:
    exact = weights.scales.double() if weights.codes == "e4m3" else weights.scales
    return Weights(weights.packed, exact, codes=weights.codes)


def linear(call: Any, x: torch.Tensor, weights: Weights, activation: str) -> torch.Tensor:
    y: torch.Tensor = call(x, *weights.tensors, activation, weights.codes)
    return y


def error(y: torch.Tensor, exact: torch.Tensor) -> float:
    return float((y.double() - exact).norm() / exact.norm())


# Every format meets every case, and both meet every family of GPUs.
MET = [
    (case, (80, 90)[(row + column) % 2], name)
    for row, case in enumerate(CASES)
    for column, name in enumerate(FORMATS)
]


@pytest.mark.parametrize(("case", "family", "name"), MET, ids=str)
def test_it_is_as_close_to_float64_as_torch_is(
    case: tuple[Any, ...], family: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "INTERPRETER", Gpu("interpreter", family, 16))
    tokens, outputs, inputs, dtype, activation = case
    torch.manual_seed(tokens)
    x = torch.randn(tokens, inputs).to(dtype)
    weights = format_named(name, 0).quantise(torch.randn(outputs, inputs) / 16, dtype)
    exact = linear(dequant_linear_reference, x.double(), widened(weights), activation)
    torch_error = error(linear(dequant_linear_reference, x, weights, activation), exact)
    poison = torch.empty
    with patch.object(torch, "empty", lambda *a, **k: poison(*a, **k).fill_(float("nan"))):
        y = linear(dequant_linear, x, weights, activation)
        # Programs are interpreted one by one: only sums of split products could differ.
        again = (
            y if interprets() and tokens > 16 else linear(dequant_linear, x, weights, activation)
        )
    assert y.dtype == dtype
    assert error(y, exact) <= 2 * torch_error + 1e-6
    assert torch.equal(y, again)


@pytest.mark.parametrize("name", FORMATS)
def test_every_code_is_read_exactly_where_the_layout_says(name: str) -> None:
    weight = torch.randn(256, 128) * torch.exp2(torch.randint(-20, 9, (256, 128)))
    weights = format_named(name, 0).quantise(weight, FP32)
    expected = linear(dequant_linear_reference, torch.eye(128), weights, "none")
    assert torch.equal(linear(dequant_linear, torch.eye(128), weights, "none"), expected)


@pytest.mark.parametrize("name", FORMATS)
def test_each_row_goes_through_its_own_expert(name: str) -> None:
    torch.manual_seed(0)
    own = [format_named(name, 0).quantise(torch.randn(128, 128), BF16) for _ in range(4)]
    packed, scales = (
        torch.stack(parts) for parts in zip(*((w.packed, w.scales) for w in own), strict=True)
    )
    weights = Weights(packed, scales, codes=own[0].codes)
    counts = torch.tensor([3, 0, 20, 1], dtype=torch.int32)
    x = torch.randn(24, 128).to(BF16)
    exact = grouped_linear_reference(x.double(), counts, widened(weights), "silu_mul")
    torch_error = error(grouped_linear_reference(x, counts, weights, "silu_mul"), exact)
    assert error(grouped_linear(x, counts, weights, "silu_mul"), exact) <= 2 * torch_error
