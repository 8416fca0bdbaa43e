"""Which tile a product on packed weights runs on: a table, read in Python, the same on every run.

Nothing is tuned at run time and no GPU is asked at import. MEASURED holds what
benchmarks/kernels.py found to be best, by GPU, layer and batch size. It has no row yet: no GPU has
been measured. All else goes by the GPU's family: of its tiles, and of the ways to split K, the one
that should take the fewest cycles (estimate.py). An unknown GPU is taken for the smallest of its
kind: sm_86, with 99 KiB of shared memory.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache, lru_cache

import torch

from .estimate import Compiled, Gpu, Layer, Tile, cycles, stage_bytes

__all__ = [
    "INTERPRETER",
    "MEASURED",
    "TILES",
    "Compiled",
    "Gpu",
    "Layer",
    "Tile",
    "choose_tile",
    "gpu_at",
    "rows_for",
]

MEASURED: dict[tuple[str, Layer, int], Tile] = {}

# Beyond the last, rows stay as they are.
_AMPERE = (
    Compiled(rows=16, outputs=64, inputs=128, warps=4, stages=4, registers=96, per_weight=5.2),
    Compiled(rows=16, outputs=128, inputs=128, warps=4, stages=4, registers=128, per_weight=4.4),
    Compiled(rows=32, outputs=128, inputs=128, warps=4, stages=3, registers=168, per_weight=6.1),
    Compiled(rows=64, outputs=128, inputs=128, warps=8, stages=3, registers=168, per_weight=10.2),
    Compiled(rows=128, outputs=128, inputs=64, warps=8, stages=3, registers=200, per_weight=16.5),
)
_HOPPER = (
    Compiled(rows=16, outputs=64, inputs=128, warps=4, stages=5, registers=96, per_weight=3.1),
    Compiled(rows=16, outputs=128, inputs=128, warps=4, stages=4, registers=168, per_weight=2.4),
    Compiled(rows=32, outputs=128, inputs=128, warps=4, stages=4, registers=224, per_weight=2.6),
    Compiled(rows=64, outputs=128, inputs=128, warps=4, stages=4, registers=255, per_weight=3.0),
    Compiled(rows=128, outputs=128, inputs=128, warps=8, stages=3, registers=184, per_weight=3.6),
    Compiled(rows=256, outputs=128, inputs=128, warps=8, stages=3, registers=255, per_weight=4.0),
)
_BLACKWELL = (
    Compiled(rows=16, outputs=64, inputs=128, warps=4, stages=5, registers=72, per_weight=4.1),
    Compiled(rows=16, outputs=128, inputs=128, warps=4, stages=4, registers=128, per_weight=2.9),
    Compiled(rows=32, outputs=128, inputs=128, warps=4, stages=4, registers=168, per_weight=3.0),
    Compiled(rows=64, outputs=128, inputs=128, warps=4, stages=4, registers=240, per_weight=3.3),
    Compiled(rows=128, outputs=128, inputs=128, warps=8, stages=3, registers=144, per_weight=5.6),
    Compiled(rows=256, outputs=128, inputs=128, warps=8, stages=3, registers=168, per_weight=5.8),
)
TILES = {80: _AMPERE, 90: _HOPPER, 100: _BLACKWELL}  # by family
# float32 knows no tensor core and no packing of pairs: small tiles keep the registers.
_FLOAT32 = tuple(
    Compiled(rows=rows, outputs=32, inputs=64, warps=4, stages=2, registers=255, per_weight=rows)
    for rows in (16, 32)
)
_MOST_SPLITS = 8


def rows_for(gpu: Gpu, tokens: int) -> int:
    """Rows by which MEASURED is asked for a batch; the tile may have fewer."""
    every = [compiled.rows for compiled in TILES[gpu.family]]
    return min(max(min(every), 1 << (tokens - 1).bit_length()), max(every))


def choose_tile(
    gpu: Gpu, layer: Layer, tokens: int, element_bytes: int = 2, experts: int | None = None
) -> Tile:
    """Choose the tile for a batch of `tokens` whose elements have `element_bytes`.

    With `experts`, the layer is that of each of so many, with `tokens` on average: they share a
    launch, and K is not split. A measured tile is given as it was measured.
    """
    measured = MEASURED.get((gpu.name, layer, rows_for(gpu, tokens)))
    if measured is not None and element_bytes == 2:
        return measured
    return _by_family(gpu, layer, tokens, element_bytes, experts)


@lru_cache(maxsize=4096)  # each launch asks
def _by_family(
    gpu: Gpu, layer: Layer, tokens: int, element_bytes: int, experts: int | None
) -> Tile:
    estimated = {
        tile: cycles(gpu, layer, tile, compiled, tokens, element_bytes, experts or 1)
        for compiled, tile in _candidates(gpu, layer, tokens, element_bytes, experts is None)
    }
    most = 1.1 * min(estimated.values())
    close = [tile for tile in estimated if estimated[tile] <= most]
    # Of tiles that the estimate cannot tell apart, the one that unpacks the weights least often.
    return min(close, key=lambda tile: (-tile.rows, estimated[tile], tile.splits))


def _candidates(
    gpu: Gpu, layer: Layer, tokens: int, element_bytes: int, may_split: bool
) -> Iterator[tuple[Compiled, Tile]]:
    for compiled in _FLOAT32 if element_bytes == 4 else TILES[gpu.family]:
        if compiled.rows > rows_for(gpu, tokens):
            continue
        # Results are stored one by one where 16 does not divide N: their addresses would spill.
        if gpu.family > 80 and layer.outputs % 16 and compiled.rows in (64, 256):
            continue
        tile = _tile_of(gpu, layer, compiled, element_bytes)
        # Sums of 256 rows fill the registers: their parts would spill.
        most = _MOST_SPLITS if may_split and tile.rows < 256 else 1
        steps = -(-layer.inputs // tile.inputs)
        for splits in range(1, min(most, max(1, steps // 2)) + 1):
            yield compiled, replace(tile, splits=splits)


def _tile_of(gpu: Gpu, layer: Layer, compiled: Compiled, element_bytes: int) -> Tile:
    inputs = 64 if _spills_scales(gpu, layer, compiled.rows) else compiled.inputs
    each = layer.group % inputs and layer.group != layer.inputs
    tile = Tile(
        compiled.rows,
        compiled.outputs,
        inputs,
        compiled.warps,
        compiled.stages,
        # what takes the fewest instructions
        "each" if each else "weight" if compiled.rows >= 128 else "product",
    )
    fit = gpu.shared_bytes // sum(stage_bytes(tile, layer, element_bytes))
    return replace(tile, stages=max(1, min(tile.stages, fit)))


def _spills_scales(gpu: Gpu, layer: Layer, rows: int) -> bool:
    """Whether the registers of a step of 128 inputs do not hold the scales of its groups."""
    if gpu.family == 100 and layer.bits == 8 and rows in (32, 64):
        return layer.group % 128 > 0
    return layer.group % 16 > 0 and rows >= 64


@cache
def gpu_at(index: int) -> Gpu:
    """Describe the GPU of that index. Only a launch asks."""
    properties = torch.cuda.get_device_properties(index)
    family = {9: 90, 10: 100}.get(properties.major, 80)
    return Gpu(properties.name, family, properties.multi_processor_count)


INTERPRETER = Gpu("interpreter", 80, 4)
