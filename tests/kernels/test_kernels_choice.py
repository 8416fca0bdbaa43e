"""The choice of a tile: the same on every run, for every batch, and fitting every group."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.kernels import choice
from moeprof.kernels.choice import choose_tile, rows_for
from moeprof.kernels.tiles import Gpu, Layer, Tile

H200 = Gpu("NVIDIA H200", 90, 132)
FC1 = Layer(14336, 4096, 4, 128)


@pytest.mark.parametrize(
    ("tokens", "rows"), [(1, 16), (16, 16), (17, 32), (64, 64), (128, 128), (256, 256), (5000, 256)]
)
def test_rows_follow_the_batch(tokens: int, rows: int) -> None:
    assert choose_tile(H200, FC1, tokens).rows == rows_for(H200, tokens) == rows


@pytest.mark.parametrize(
    ("group", "tokens", "scales"),
    [(128, 16, "product"), (128, 256, "weight"), (256, 16, "product"), (4096, 16, "product"),
     (64, 16, "each"), (32, 128, "each"), (192, 16, "each"), (8, 64, "each")],
)  # fmt: skip
def test_a_step_of_several_groups_scales_the_weights_of_each(
    group: int, tokens: int, scales: str
) -> None:
    assert choose_tile(H200, Layer(14336, 4096, 4, group), tokens).scales == scales


@pytest.mark.parametrize("layer", [FC1, Layer(4096, 14336, 4, 128), Layer(2048, 7168, 4, 128)])
@pytest.mark.parametrize("tokens", [1, 16, 32])
def test_a_small_batch_splits_k_until_programs_share_a_multiprocessor(
    layer: Layer, tokens: int
) -> None:
    tile = choose_tile(H200, layer, tokens)
    programs = -(-layer.outputs // tile.outputs) * tile.splits
    assert programs >= 1.4 * H200.multiprocessors or tile.splits == 8


def test_a_batch_that_fills_the_gpu_does_not_split_k() -> None:
    assert choose_tile(H200, FC1, 256).splits == 1


@pytest.mark.parametrize("tokens", [1, 64, 256])
def test_experts_fill_the_gpu_without_splitting_k(tokens: int) -> None:
    tile = choose_tile(H200, Layer(768, 2048, 4, 128), tokens, experts=128)
    assert tile.splits == 1
    assert tile.rows == max(16, tokens)


def test_outputs_that_16_does_not_divide_take_no_tile_that_would_spill() -> None:
    assert choose_tile(H200, Layer(14344, 4096, 4, 128), 512).rows == 128


def test_a_tile_is_chosen_once() -> None:
    assert choose_tile(H200, FC1, 9) is choose_tile(H200, FC1, 9)


@settings(deadline=None, max_examples=100)
@given(
    st.sampled_from([80, 90, 100]),
    st.integers(1, 4096),
    st.integers(1, 2000),
    st.integers(1, 64),
    st.sampled_from([4, 8]),
    st.sampled_from([8, 32, 64, 128, 4096]),
    st.sampled_from([2, 4]),
)
def test_every_tile_fits_its_gpu_and_its_group(
    family: int, tokens: int, outputs: int, slabs: int, bits: int, group: int, element: int
) -> None:
    layer = Layer(outputs, 4096 * slabs if group == 4096 else 64 * slabs, bits, group)
    tile = choose_tile(Gpu("any", family, 100), layer, tokens, element)
    stage_bytes = tile.inputs * (tile.rows * element + tile.outputs * bits // 8)
    assert tile.stages >= 1
    assert tile.stages * stage_bytes <= (99 if family == 80 else 227) << 10
    assert 1 <= tile.splits <= 8
    assert tile.inputs % 64 == 0
    one_group = group % tile.inputs == 0 or group == layer.inputs
    assert (tile.scales == "each") != one_group
    assert tile == choose_tile(Gpu("any", family, 100), layer, tokens, element)


def test_a_measured_tile_is_found_by_the_batch_also_where_the_table_has_other_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layer = Layer(768, 2048, 4, 128)
    best = Tile(256, 64, 128, 8, 3, "product")
    monkeypatch.setitem(choice.MEASURED, ("NVIDIA H200", layer, rows_for(H200, 256)), best)
    assert choose_tile(H200, layer, 256) is best


def test_a_measured_tile_goes_before_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    best = Tile(16, 128, 128, 8, 3, "product")
    monkeypatch.setitem(choice.MEASURED, ("NVIDIA H200", FC1, 16), best)
    assert choose_tile(H200, FC1, 9) is best
    assert choose_tile(H200, FC1, 17) is not best
    assert choose_tile(H200, FC1, 9, experts=8) is not best
    assert choose_tile(Gpu("another", 90, 132), FC1, 9) is not best
