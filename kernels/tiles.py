"""Which tile a product on packed weights runs on: a table, read in Python, the same on every run.

Nothing is tuned at run time and no GPU is asked at import. MEASURED holds what
benchmarks/kernels.py found to be best, by GPU, layer and batch size. It has no row yet: no GPU has
been measured. All else goes by the GPU's family, with the tiles that its compiler turns into the
fewest instructions per weight without spilling. An unknown GPU is taken for the smallest of its
kind: sm_86, with 99 KiB of shared memory.
"""

import math
from dataclasses import dataclass, replace
from functools import cache, lru_cache

import torch


@dataclass(frozen=True, slots=True)
class Gpu:
    """What the choice needs to know of a GPU."""

    name: str
    family: int  # 80, 90 or 100: which of the table's it is like
    multiprocessors: int


@dataclass(frozen=True, slots=True)
class Layer:
    """A linear layer on packed weights: outputs N, inputs K, bits and group size of a weight."""

    outputs: int
    inputs: int
    bits: int
    group: int
    zeros: bool = False  # whether it has zero points


@dataclass(frozen=True, slots=True)
class Tile:
    """Sizes of a tile [rows of x, outputs, inputs a step], and how it is run.

    `scales` says where a scale is applied: to the float32 "product" of a step, to the "weight", or
    to the weights of "each" group where a step may hold several.
    """

    rows: int
    outputs: int
    inputs: int
    warps: int
    stages: int
    scales: str
    splits: int = 1  # of K, each a program of its own


MEASURED: dict[tuple[str, Layer, int], Tile] = {}

# By rows: outputs, inputs, warps, most stages. Beyond the last, rows stay as they are.
_AMPERE = {16: (64, 128, 4, 4), 32: (128, 128, 4, 3), 64: (128, 128, 8, 3), 128: (128, 64, 8, 3)}
_HOPPER = {
    16: (64, 128, 4, 5),
    32: (128, 128, 4, 4),
    64: (128, 128, 4, 4),
    128: (128, 128, 8, 3),
    256: (128, 128, 8, 3),
}
_TILES = {80: _AMPERE, 90: _HOPPER, 100: _HOPPER}  # by family
_SHARED_BYTES = {80: 99 << 10, 90: 227 << 10, 100: 227 << 10}
_MOST_SPLITS = 8


def rows_for(gpu: Gpu, tokens: int) -> int:
    """Rows by which MEASURED and the table are asked for a batch; its tile may have others."""
    table = _TILES[gpu.family]
    return min(max(min(table), 1 << (tokens - 1).bit_length()), max(table))


def choose_tile(
    gpu: Gpu, layer: Layer, tokens: int, element_bytes: int = 2, may_split: bool = True
) -> Tile:
    """Choose the tile for a batch of `tokens` whose elements have `element_bytes`.

    K is split only where it may be; a measured tile is given as it was measured.
    """
    measured = MEASURED.get((gpu.name, layer, rows_for(gpu, tokens)))
    if measured is not None and element_bytes == 2:
        return measured
    return _by_family(gpu, layer, tokens, element_bytes, _MOST_SPLITS if may_split else 1)


@lru_cache(maxsize=4096)  # each launch asks
def _by_family(gpu: Gpu, layer: Layer, tokens: int, element_bytes: int, most_splits: int) -> Tile:
    rows = rows_for(gpu, tokens)
    if gpu.family > 80 and rows >= 64 and layer.outputs % 16:
        rows = 128  # results are stored one by one: their addresses would spill
    tile = _tile_of(gpu, layer, rows, element_bytes)
    splits = _splits(gpu, layer, tile, tokens, most_splits)
    if tile.rows == 256 and splits > 1:  # its sums fill the registers: the parts would spill
        tile = _tile_of(gpu, layer, 128, element_bytes)
        splits = _splits(gpu, layer, tile, tokens, most_splits)
    return replace(tile, splits=splits)


def _tile_of(gpu: Gpu, layer: Layer, rows: int, element_bytes: int) -> Tile:
    if element_bytes == 4:  # no tensor core and no packing of pairs: small tiles keep the registers
        outputs, inputs, warps, stages = 32, 64, 4, 2
        rows = min(rows, 32)
    else:
        outputs, inputs, warps, stages = _TILES[gpu.family][rows]
        if _spills_scales(gpu, layer, rows):
            inputs = 64
    tile = Tile(rows, outputs, inputs, warps, stages, "product")
    tile = replace(tile, scales=_where_scales(tile, layer))
    stage_bytes = tile.inputs * (tile.rows * element_bytes + tile.outputs * layer.bits // 8)
    stages = min(tile.stages, _SHARED_BYTES[gpu.family] // stage_bytes)
    return replace(tile, stages=max(stages, 1))


def _spills_scales(gpu: Gpu, layer: Layer, rows: int) -> bool:
    """Whether the registers of a step of 128 inputs do not hold the scales of its groups."""
    if gpu.family == 100 and layer.bits == 8 and rows in (32, 64):
        return layer.group % 128 > 0
    return layer.group % 16 > 0 and rows >= 64


def _where_scales(tile: Tile, layer: Layer) -> str:
    """Give what a scale is applied to with the fewest instructions."""
    if layer.group % tile.inputs and layer.group != layer.inputs:
        return "each"
    return "weight" if tile.rows >= 128 else "product"


def _splits(gpu: Gpu, layer: Layer, tile: Tile, tokens: int, most_splits: int) -> int:
    """Split K so that the programs fill the multiprocessors evenly.

    Parts are written and read again in float32. They may cost a quarter of what the weights do,
    or as much as it takes to give every multiprocessor one program.
    """
    tiles = -(-tokens // tile.rows) * -(-layer.outputs // tile.outputs)
    steps = -(-layer.inputs // tile.inputs)
    weight_bytes = layer.outputs * layer.inputs * layer.bits // 8
    part_bytes = 8 * tokens * layer.outputs
    most = max(weight_bytes // 4 // part_bytes, gpu.multiprocessors // tiles, 1)
    candidates = range(1, min(most, most_splits, max(1, steps // 2)) + 1)

    def used(splits: int) -> float:
        return _evenness(tiles * splits / gpu.multiprocessors) * _evenness(steps / splits)

    return max(candidates, key=lambda splits: (round(used(splits), 2), -splits))


def _evenness(share: float) -> float:
    return share / math.ceil(share)


@cache
def gpu_at(index: int) -> Gpu:
    """Describe the GPU of that index. Only a launch asks."""
    properties = torch.cuda.get_device_properties(index)
    family = {9: 90, 10: 100}.get(properties.major, 80)
    return Gpu(properties.name, family, properties.multi_processor_count)


INTERPRETER = Gpu("interpreter", 80, 4)
