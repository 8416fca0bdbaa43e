"""Bytes of packed weights: whole slabs, and what shares a scale must divide."""

import pytest

from moeprof.kernels.formats.mxfp4 import Mxfp4
from moeprof.kernels.formats.weight_format import shared, weight_bytes
from moeprof.store.errors import BadInput


def test_bytes_are_of_whole_slabs_of_16_by_64() -> None:
    # 10 outputs by 32 inputs take a slab of 16 by 64 codes, and 10 exponents.
    assert weight_bytes(Mxfp4(), 10, 32, 2) == 16 * 64 // 2 + 10


def test_a_size_that_a_block_does_not_divide_is_named() -> None:
    assert shared("K", 64, 32) == 2
    with pytest.raises(BadInput, match="K is 65, no multiple of 32, which share a scale"):
        shared("K", 65, 32)
