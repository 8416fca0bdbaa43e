"""A tile of the table as it runs on a layer: its step, its stages, and where scales go."""

import pytest

from moeprof.kernels.tiles import TILES, Compiled, Gpu, Layer, shared_bytes, tile_of

H200 = Gpu("NVIDIA H200", 90, 132)
UNKNOWN = Gpu("unknown", 80, 30)


def with_rows(rows: int, family: int = 90) -> Compiled:
    return next(one for one in TILES[family] if one.rows == rows)


@pytest.mark.parametrize(("group", "inputs"), [(8, 64), (40, 64), (16, 128), (32, 128)])
def test_zero_points_of_8_weights_take_a_smaller_step(group: int, inputs: int) -> None:
    layer = Layer(14336, 4480, 4, group, zeros=True)
    assert tile_of(H200, layer, with_rows(64)).inputs == inputs


@pytest.mark.parametrize(
    ("rows", "group", "scales"),
    [(16, 128, "product"), (16, 4096, "product"), (64, 128, "weight"), (16, 64, "each")],
)
def test_a_scale_is_applied_once_a_step_where_a_step_has_one(
    rows: int, group: int, scales: str
) -> None:
    assert tile_of(H200, Layer(14336, 4096, 4, group), with_rows(rows)).scales == scales


@pytest.mark.parametrize("gpu", [H200, UNKNOWN])
@pytest.mark.parametrize("bits", [4, 8])
def test_its_stages_fit_the_shared_memory(gpu: Gpu, bits: int) -> None:
    layer = Layer(14336, 4096, bits, 128)
    for compiled in TILES[gpu.family]:
        tile = tile_of(gpu, layer, compiled)
        assert tile.stages >= 2
        assert shared_bytes(layer, tile, 2) <= gpu.shared_bytes
