"""The estimate of a product's cycles: what it takes into account, and which way."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.kernels.estimate import Compiled, Gpu, Layer, Tile, cycles

H200 = Gpu("NVIDIA H200", 90, 132)
FC1 = Layer(14336, 4096, 4, 128)
FC2 = Layer(4096, 14336, 4, 128)
SMALL = Compiled(rows=16, outputs=64, inputs=128, warps=4, stages=5, registers=96, per_weight=3.1)


def tile_of(compiled: Compiled, splits: int = 1) -> Tile:
    sizes = (compiled.rows, compiled.outputs, compiled.inputs, compiled.warps, compiled.stages)
    return Tile(*sizes, "product", splits)


def estimated(layer: Layer, splits: int = 1, compiled: Compiled = SMALL, tokens: int = 1) -> float:
    return cycles(H200, layer, tile_of(compiled, splits), compiled, tokens)


def test_no_product_is_faster_than_its_weights_are_read() -> None:
    bytes_per_cycle = 4.3e12 / 1.755e9  # an H200's memory, at its clock
    read = FC1.outputs * FC1.inputs / 2 / bytes_per_cycle
    least = min(estimated(FC1, splits) for splits in range(1, 9))
    assert read < least < 1.5 * read


def test_one_program_a_multiprocessor_is_slower_than_several() -> None:
    assert estimated(FC2, 1) > 1.5 * estimated(FC2, 4)


def test_few_copies_on_their_way_hold_the_memory_up() -> None:
    shallow = replace(SMALL, stages=2)
    assert estimated(FC1, compiled=shallow) > 1.3 * estimated(FC1)


def test_registers_keep_programs_from_sharing_a_multiprocessor() -> None:
    large = replace(SMALL, registers=255, warps=8)
    assert estimated(FC1, 4, large) > estimated(FC1, 4)


def test_experts_cost_as_many_times_one_once_they_fill_the_gpu() -> None:
    one, eight = (
        cycles(H200, FC1, tile_of(SMALL), SMALL, 16, experts=experts) for experts in (8, 64)
    )
    assert eight / one == pytest.approx(8, rel=0.1)


@settings(deadline=None)
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
    tile = tile_of(SMALL, splits)
    one, more = (cycles(gpu, layer, tile, SMALL, batch) for batch in (tokens, 2 * tokens))
    assert 0 < one <= more
