"""Arguments that a linear layer on packed weights refuses, each by name."""

from typing import Any

import pytest
import torch

from moeprof.kernels.dequant_linear import dequant_linear
from moeprof.store.errors import BadInput

X = torch.ones(3, 64)
PACKED = torch.zeros(1, 1, 32, 4, dtype=torch.int32)
SCALES = torch.ones(2, 16)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((torch.ones(64), PACKED, SCALES), r"x must be \[tokens, K\]"),
        ((torch.ones(3, 63), PACKED, SCALES), r"do not fit K = 63"),
        ((X.double(), PACKED, SCALES.double()), "float64"),
        ((X, PACKED.long(), SCALES), "packed must be int32"),
        ((X.half(), PACKED, SCALES), "x is torch.float16 and scales torch.float32"),
        ((X, PACKED, SCALES, None, torch.ones(15)), r"bias must be \[16\], not \[15\]"),
        ((X, PACKED, SCALES, None, torch.ones(16).half()), "and bias torch.float16"),
        ((X, PACKED, SCALES, None, None, "swish"), "activation is 'swish'"),
        ((X.to("meta"), PACKED, SCALES), "x is on meta and packed on cpu"),
        ((X, PACKED, SCALES, None, torch.ones(16, device="meta")), "bias on meta"),
        ((X, PACKED, torch.ones(16, 2).T), r"scales must be contiguous, and has strides \(1, 2\)"),
        ((torch.ones(64, 3).T, PACKED, SCALES), r"rows of x must be contiguous"),
    ],
)
def test_a_bad_argument_is_named(arguments: tuple[Any, ...], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        dequant_linear(*arguments)


def test_the_row_stride_of_a_single_row_does_not_matter() -> None:
    x = torch.ones(64).as_strided((1, 64), (2**31, 1))
    assert torch.equal(dequant_linear(x, PACKED, SCALES), dequant_linear(X[:1], PACKED, SCALES))


def test_a_batch_beyond_31_bits_of_offsets_is_refused() -> None:
    x, packed, scales = (
        torch.empty(shape, dtype=dtype, device="meta")
        for shape, dtype in (
            ((2**25, 64), torch.float32),
            (PACKED.shape, torch.int32),
            (SCALES.shape, torch.float32),
        )
    )
    with pytest.raises(BadInput, match="33554432 tokens need offsets up to 2147483648"):
        dequant_linear(x, packed, scales)


def test_weights_beyond_31_bits_of_words_are_refused() -> None:
    packed = torch.empty(1 << 14, 1 << 12, 32, 4, dtype=torch.int32, device="meta")
    x, scales = (torch.empty(1, 1 << 18, device="meta") for _ in range(2))
    with pytest.raises(BadInput, match="packed has 8589934592 words"):
        dequant_linear(x, packed, scales)
