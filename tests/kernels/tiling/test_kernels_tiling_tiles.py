"""Shared memory of a tile."""

import pytest

from moeprof.kernels.tiling.tiles import Gpu, Layer, Tile, shared_bytes


@pytest.mark.parametrize(
    ("bits", "element_bytes", "expected"), [(4, 2, 36864), (8, 2, 61440), (4, 4, 49152)]
)
def test_each_stage_holds_x_and_packed_weights(
    bits: int, element_bytes: int, expected: int
) -> None:
    tile = Tile(rows=16, outputs=128, inputs=128, warps=4, stages=3, scales="product")
    layer = Layer(14336, 4096, bits, 128)
    assert shared_bytes(layer, tile, element_bytes) == expected


@pytest.mark.parametrize(("family", "kib"), [(80, 99), (90, 227), (100, 227)])
def test_a_family_has_the_shared_memory_of_its_smallest_gpu(family: int, kib: int) -> None:
    assert Gpu("any", family, 1).shared_bytes == kib * 1024
