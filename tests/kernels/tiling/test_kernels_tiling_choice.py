"""The choice of a tile: by batch, layer and GPU; the same on every run; it fits the GPU."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.kernels.tiling import choice
from moeprof.kernels.tiling.choice import choose_tile, rows_for, tile_on
from moeprof.kernels.tiling.table import (
    NEWEST_TRITON,
    WAITING_TRITONS,
    TableTile,
    tiles_for,
)
from moeprof.kernels.tiling.tiles import Gpu, Layer, Tile, shared_bytes

H200 = Gpu("NVIDIA H200", 90, 132)
UNKNOWN = Gpu("unknown", 80, 30)
FC1 = Layer(14336, 4096, 4, 128)


@pytest.fixture(autouse=True)
def newest_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Choose as for a compiler that waits for products before it rewrites their registers."""
    by_triton(monkeypatch, max(WAITING_TRITONS))


def by_triton(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(choice, "triton", SimpleNamespace(__version__=version))


@pytest.mark.parametrize("version", ["3.6.0", "3.7.1", "3.8.0", "99.0"])
@pytest.mark.parametrize("group", [128, 64, 4096])
@pytest.mark.parametrize("tokens", [16, 64, 512])
def test_by_a_compiler_that_may_rewrite_registers_no_product_stays_in_flight(
    monkeypatch: pytest.MonkeyPatch, version: str, group: int, tokens: int
) -> None:
    by_triton(monkeypatch, version)
    tile = choose_tile(H200, Layer(14336, 4096, 4, group), tokens)
    assert not tile.in_place
    assert tile.scales == ("each" if group == 64 else "product")
    assert tile.rows <= 128
    assert choose_tile(Gpu("A100", 80, 108), FC1, tokens).in_place


def test_it_is_said_once_that_products_are_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    by_triton(monkeypatch, "3.6.1")
    with caplog.at_level("INFO"):
        for tokens in (16, 64):
            choose_tile(H200, FC1, tokens)
    (record,) = caplog.records
    assert "Triton 3.6.1" in record.getMessage()


def with_rows(rows: int) -> TableTile:
    return next(entry for entry in tiles_for(90, 2, NEWEST_TRITON) if entry.rows == rows)


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
def test_where_a_step_may_hold_several_groups_the_weights_of_each_are_scaled(
    group: int, tokens: int, scales: str
) -> None:
    assert choose_tile(H200, Layer(14336, 4096, 4, group), tokens).scales == scales


@pytest.mark.parametrize("layer", [FC1, Layer(4096, 14336, 4, 128), Layer(2048, 7168, 4, 128)])
@pytest.mark.parametrize("tokens", [1, 16, 32])
def test_a_small_batch_splits_k_until_two_programs_share_a_multiprocessor(
    layer: Layer, tokens: int
) -> None:
    tile = choose_tile(H200, layer, tokens)
    programs = -(-layer.outputs // tile.outputs) * tile.splits
    assert programs >= 1.3 * H200.multiprocessors or tile.splits == 8
    assert programs <= 2 * H200.multiprocessors


def test_k_is_split_if_few_tiles_would_run_in_a_second_round() -> None:
    a100 = Gpu("A100", 80, 108)
    tile = choose_tile(a100, FC1, 128)
    assert (tile.rows, -(-FC1.outputs // tile.outputs)) == (128, 112)
    assert tile.splits > 1
    assert choose_tile(replace(a100, multiprocessors=112), FC1, 128).splits == 1


def test_a_batch_that_fills_the_gpu_does_not_split_k() -> None:
    assert choose_tile(H200, FC1, 256).splits == 1


@pytest.mark.parametrize("tokens", [1, 64, 256])
def test_experts_fill_the_gpu_without_splitting_k(tokens: int) -> None:
    tile = choose_tile(H200, Layer(768, 2048, 4, 128), tokens, experts=128)
    assert tile.splits == 1
    assert tile.rows == max(16, tokens)


def test_outputs_that_16_does_not_divide_take_no_tile_that_would_spill() -> None:
    assert choose_tile(H200, Layer(14344, 4096, 4, 128), 512).rows == 128


def test_a_small_layer_takes_fewer_rows_than_its_batch_has() -> None:
    qwen3_fc1 = Layer(768, 2048, 4, 128)
    assert choose_tile(H200, qwen3_fc1, 64) == Tile(32, 128, 128, 4, 4, "product", splits=8)


@pytest.mark.parametrize(("group", "inputs"), [(8, 64), (40, 64), (16, 128), (32, 128)])
def test_zero_points_of_groups_that_16_does_not_divide_take_a_smaller_step(
    group: int, inputs: int
) -> None:
    layer = Layer(14336, 4480, 4, group, zeros=True)
    assert tile_on(H200, layer, with_rows(64)).inputs == inputs


@pytest.mark.parametrize(
    ("rows", "group", "scales"),
    [(16, 128, "product"), (16, 4096, "product"), (64, 128, "weight"), (16, 64, "each")],
)
def test_a_scale_is_applied_once_a_step_where_a_step_has_one(
    rows: int, group: int, scales: str
) -> None:
    assert tile_on(H200, Layer(14336, 4096, 4, group), with_rows(rows)).scales == scales


@pytest.mark.parametrize("gpu", [H200, UNKNOWN])
@pytest.mark.parametrize("bits", [4, 8])
def test_two_stages_or_more_fit_the_shared_memory(gpu: Gpu, bits: int) -> None:
    layer = Layer(14336, 4096, bits, 128)
    for entry in tiles_for(gpu.family, 2, NEWEST_TRITON):
        tile = tile_on(gpu, layer, entry)
        assert tile.stages >= 2
        assert shared_bytes(layer, tile, 2) <= gpu.shared_bytes


def test_a_tile_is_chosen_once() -> None:
    assert choose_tile(H200, FC1, 9) is choose_tile(H200, FC1, 9)


@settings(max_examples=100)
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
    assert tile.stages >= 1
    assert shared_bytes(layer, tile, element) <= (99 if family == 80 else 227) << 10
    assert 1 <= tile.splits <= 8
    assert tile.inputs % 64 == 0
    one_group = group % tile.inputs == 0 or group == layer.inputs
    assert (tile.scales == "each") != one_group
    assert tile == choose_tile(Gpu("any", family, 100), layer, tokens, element)


def test_a_measured_tile_may_have_more_rows_than_the_table(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layer = Layer(768, 2048, 4, 128)
    best = Tile(256, 64, 128, 8, 3, "product")
    monkeypatch.setitem(choice.MEASURED, ("NVIDIA H200", layer, rows_for(H200, 256)), best)
    assert choose_tile(H200, layer, 256) is best


def test_a_measured_tile_takes_precedence_over_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    best = Tile(16, 128, 128, 8, 3, "product")
    monkeypatch.setitem(choice.MEASURED, ("NVIDIA H200", FC1, 16), best)
    assert choose_tile(H200, FC1, 9) is best
    assert choose_tile(H200, FC1, 17) is not best
    assert choose_tile(H200, FC1, 9, experts=8) is not best
    assert choose_tile(Gpu("another", 90, 132), FC1, 9) is not best
