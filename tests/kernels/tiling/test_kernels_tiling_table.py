"""The table of tiles: its order, and which one a Triton version gets."""

import pytest

from moeprof.kernels.tiling.table import NEWEST_TRITON, TABLES, tiles_for


@pytest.mark.parametrize("version", TABLES)
@pytest.mark.parametrize("family", [80, 90, 100])
@pytest.mark.parametrize("element_bytes", [2, 4])
def test_tiles_grow_from_16_rows_by_powers_of_2(
    version: str, family: int, element_bytes: int
) -> None:
    tiles = tiles_for(family, element_bytes, version)
    sizes = [(entry.rows, entry.outputs) for entry in tiles]
    assert sizes == sorted(sizes)
    assert sizes[0][0] == 16
    assert all(entry.rows & (entry.rows - 1) == 0 for entry in tiles)


def test_an_unknown_triton_version_gets_the_newest_table() -> None:
    assert tiles_for(90, 2, "99.0") == tiles_for(90, 2, NEWEST_TRITON)
