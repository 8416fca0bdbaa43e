"""Which tile a product on packed weights runs on: read off in Python, the same on every run.

Nothing is tuned at run time and no GPU is asked at import. MEASURED holds what
benchmarks/kernels.py found to be best, by GPU, layer and batch size. It has no row yet: no GPU has
been measured. All else goes by the GPU's family: of its tiles, and of the ways to split K, the one
that should take the fewest cycles.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import torch

from .estimate import cycles
from .tiles import FLOAT32, TILES, Compiled, Gpu, Layer, Tile, tile_of

MEASURED: dict[tuple[str, Layer, int], Tile] = {}
_MIN_ROWS = 16
_MAX_ROWS = {family: max(one.rows for one in tiles) for family, tiles in TILES.items()}
_MAX_SPLITS = 8
_MAX_PART_BYTES = 32 << 20  # of a split product: L2 keeps them
# Rows, by family, with which registers are full: where 16 does not divide N results are stored one
# by one, each at its address.
_ADDRESSES_SPILL = {80: (), 90: (64, 256), 100: (64, 128, 256)}


def rows_for(gpu: Gpu, tokens: int) -> int:
    """Rows by which MEASURED is asked for a batch; the tile may have fewer."""
    return min(max(_MIN_ROWS, 1 << (tokens - 1).bit_length()), _MAX_ROWS[gpu.family])


def choose_tile(
    gpu: Gpu, layer: Layer, tokens: int, element_bytes: int = 2, experts: int | None = None
) -> Tile:
    """Choose the tile for a batch of `tokens` whose elements have `element_bytes`.

    With `experts`, the layer is that of each of so many, with `tokens` on average: they share a
    launch, and K is not split. A tile that was measured for one layer is given as it was measured.
    """
    measured = MEASURED.get((gpu.name, layer, rows_for(gpu, tokens)))
    if measured is not None and element_bytes == 2 and experts is None:
        return measured
    most = _MAX_ROWS[gpu.family]  # beyond, whole tiles are added
    tokens = tokens if tokens <= most else -(-tokens // most) * most
    return _by_family(gpu, layer, tokens, element_bytes, experts)


@cache  # each launch asks
def _by_family(
    gpu: Gpu, layer: Layer, tokens: int, element_bytes: int, experts: int | None
) -> Tile:
    estimated = {
        tile: cycles(
            gpu,
            layer,
            tile,
            compiled.registers,
            compiled.per_weight,
            tokens,
            element_bytes,
            experts or 1,
        )
        for compiled, tile in _candidates(gpu, layer, tokens, element_bytes, experts is None)
    }
    # Of tiles that the estimate cannot tell apart those that unpack the weights least often, then
    # those with the fewest parts.
    close = _within(0.10, estimated)
    rows = max(tile.rows for tile in close)
    closest = _within(0.03, {tile: close[tile] for tile in close if tile.rows == rows})
    return min(closest, key=lambda tile: (tile.splits, closest[tile]))


def _within(share: float, estimated: dict[Tile, float]) -> dict[Tile, float]:
    """The tiles whose estimate is at most so much more than the least."""
    most = (1 + share) * min(estimated.values())
    return {tile: each for tile, each in estimated.items() if each <= most}


def _candidates(
    gpu: Gpu, layer: Layer, tokens: int, element_bytes: int, may_split: bool
) -> Iterator[tuple[Compiled, Tile]]:
    for compiled in FLOAT32 if element_bytes == 4 else TILES[gpu.family]:
        if compiled.rows > rows_for(gpu, tokens):
            continue
        if layer.outputs % 16 and compiled.rows in _ADDRESSES_SPILL[gpu.family]:
            continue
        tile = tile_of(gpu, layer, compiled, element_bytes)
        # Sums of 256 rows fill the registers: their parts would spill.
        most = _MAX_SPLITS if may_split and tile.rows < 256 else 1
        steps = -(-layer.inputs // tile.inputs)
        parts = _MAX_PART_BYTES // (4 * tokens * layer.outputs)
        for splits in range(1, max(1, min(most, steps // 2, parts)) + 1):
            yield compiled, replace(tile, splits=splits)


@cache
def gpu_at(index: int) -> Gpu:
    """Describe the GPU of that index. Only a launch asks."""
    properties = torch.cuda.get_device_properties(index)
    family = {9: 90, 10: 100}.get(properties.major, 80)
    return Gpu(properties.name, family, properties.multi_processor_count)


INTERPRETER = Gpu("interpreter", 80, 4)
