"""The estimate of a product's cycles: what it depends on, and in which direction."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.benchmarks.compiled.cycles import cycles
from moeprof.kernels.tiling.tiles import Gpu, Layer, Tile

H200 = Gpu("NVIDIA H200", 90, 132)
FC1 = Layer(14336, 4096, 4, 128)
FC2 = Layer(4096, 14336, 4, 128)
SMALL = Tile(16, 64, 128, 4, 5, "product")
REGISTERS, PER_WEIGHT = 96, 3.1


def estimated(
    layer: Layer, tile: Tile = SMALL, splits: int = 1, registers: int = REGISTERS
) -> float:
    """Cycles at one token."""
    return cycles(H200, layer, replace(tile, splits=splits), registers, PER_WEIGHT, 1)


def test_no_product_is_faster_than_its_weights_are_read() -> None:
    bytes_per_cycle = 4.3e12 / 1.755e9  # an H200's memory, at its clock
    read = FC1.outputs * FC1.inputs / 2 / bytes_per_cycle
    least = min(estimated(FC1, splits=splits) for splits in range(1, 9))
    assert read < least < 1.5 * read


def test_one_program_per_multiprocessor_is_slower_than_several() -> None:
    assert estimated(FC2) > 1.5 * estimated(FC2, splits=4)


def test_few_copies_in_flight_slow_the_memory_down() -> None:
    assert estimated(FC1, replace(SMALL, stages=2)) > 1.3 * estimated(FC1)


def test_many_registers_leave_one_program_per_multiprocessor() -> None:
    wide = replace(SMALL, warps=8)
    assert estimated(FC1, wide, 4, registers=255) > estimated(FC1, wide, 4)


def test_experts_cost_as_many_times_one_once_they_fill_the_gpu() -> None:
    one, eight = (
        cycles(H200, FC1, SMALL, REGISTERS, PER_WEIGHT, 16, experts=experts) for experts in (8, 64)
    )
    assert eight / one == pytest.approx(8, rel=0.1)


def test_products_that_accumulate_in_place_wait_less() -> None:
    tile = Tile(64, 128, 128, 4, 4, "product")
    waiting, adding = (
        cycles(H200, FC1, replace(tile, scales=scales), 240, 3.1, 64)
        for scales in ("product", "weight")
    )
    assert adding < 0.9 * waiting


@given(
    st.sampled_from([80, 90, 100]),
    st.integers(1, 4096),
    st.integers(1, 500),
    st.integers(1, 100),
    st.sampled_from([4, 8]),
    st.integers(1, 8),
)
def test_more_tokens_never_take_fewer_cycles(
    family: int, tokens: int, blocks: int, slabs: int, bits: int, splits: int
) -> None:
    gpu, layer = Gpu("any", family, 100), Layer(16 * blocks, 64 * slabs, bits, 64)
    tile = replace(SMALL, splits=splits)
    one, more = (
        cycles(gpu, layer, tile, REGISTERS, PER_WEIGHT, batch) for batch in (tokens, 2 * tokens)
    )
    assert 0 < one <= more
