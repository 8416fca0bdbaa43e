"""Which tile a product on packed weights runs on: looked up in Python, the same on every run.

Nothing is tuned at run time, and no GPU is queried at import. MEASURED holds tiles that
benchmarks/kernels.py --tune found fastest, by GPU, layer and rows; it is empty, because no GPU has
been measured. Every other tile comes from table.py.
"""

import logging
from dataclasses import replace
from functools import cache

import torch

from ..backend import triton
from .codes import INTEGER
from .table import NEWEST_TRITON, WAITING_TRITONS, TableTile, adds_in_place, tiles_for
from .tiles import Gpu, Layer, Tile, shared_bytes

MEASURED: dict[tuple[str, Layer, int], Tile] = {}
INTERPRETER = Gpu("interpreter", 80, 4)

_log = logging.getLogger(__name__)

_MIN_ROWS = 16
_MAX_ROWS = {80: 128, 90: 256, 100: 256}  # by family: the largest tile of the table
_MAX_SPLITS = 8
_MAX_PART_BYTES = 32 << 20  # all parts of a split product together: L2 holds them
_MIN_FILL = 0.5  # programs per multiprocessor
_UNEVEN = 1.4  # steps of the busiest multiprocessor, over the fewest that a split allows
# Where 16 does not divide N, each result is stored at an address of its own. Tiles of these rows,
# by family, have no registers left for the addresses and would spill.
_ADDRESSES_SPILL = {80: (), 90: (64, 256), 100: (64, 128, 256)}
_SCALED_WEIGHTS_FROM_ROWS = {80: 128, 90: 64, 100: 256}  # by family


def rows_for(gpu: Gpu, tokens: int) -> int:
    """Rows that a batch is looked up by: the next power of 2, from 16 to the largest tile's."""
    return min(max(_MIN_ROWS, 1 << (tokens - 1).bit_length()), _MAX_ROWS[gpu.family])


def choose_tile(
    gpu: Gpu, layer: Layer, tokens: int, element_bytes: int = 2, experts: int | None = None
) -> Tile:
    """Choose the tile for a batch of `tokens` rows whose elements have 2 or 4 bytes.

    With `experts`, one launch computes so many such layers with `tokens` rows each on average, and
    K is not split. MEASURED counts for one layer on elements of 2 bytes alone.
    """
    measured = MEASURED.get((gpu.name, layer, rows_for(gpu, tokens)))
    if measured is not None and element_bytes == 2 and experts is None:
        return measured
    return _from_table(gpu, layer, tokens, element_bytes, experts, _version())


def _version() -> str:
    return NEWEST_TRITON if triton is None else str(triton.__version__)


@cache  # called at every launch
def _from_table(
    gpu: Gpu, layer: Layer, tokens: int, element_bytes: int, experts: int | None, version: str
) -> Tile:
    """The largest tile whose programs reach half of the multiprocessors, or else the most."""
    in_place = adds_in_place(gpu.family, version)
    if not in_place:
        _say_waiting(version)
    best, best_programs = None, 0
    for entry in reversed(tiles_for(gpu.family, element_bytes, version)):
        if not _suits(gpu, layer, tokens, entry, in_place):
            continue
        tile = tile_on(gpu, layer, entry, element_bytes, in_place)
        tiles = (experts or 1) * -(-tokens // tile.rows) * -(-layer.outputs // tile.outputs)
        if experts is None:
            most = _max_splits(layer, tile, tokens)
            tile = replace(tile, splits=_splits(gpu, layer, tile, tiles, entry.programs, most))
        if tiles * tile.splits > best_programs:
            best, best_programs = tile, tiles * tile.splits
        if best_programs >= _MIN_FILL * gpu.multiprocessors:
            break
    assert best is not None, layer
    return best


@cache  # said once
def _say_waiting(version: str) -> None:
    _log.info(
        "Triton %s may rewrite registers that a product in flight reads: each product is waited"
        " for, and no tile has 256 rows; Triton %s is faster",
        version,
        max(WAITING_TRITONS),
    )


def _suits(gpu: Gpu, layer: Layer, tokens: int, entry: TableTile, in_place: bool) -> bool:
    spills = layer.outputs % 16 > 0 and entry.rows in _ADDRESSES_SPILL[gpu.family]
    # Sums and products together fill the registers.
    spills |= entry.rows >= 256 and not (in_place and layer.codes == INTEGER)
    return entry.rows <= rows_for(gpu, tokens) and not spills


def _splits(gpu: Gpu, layer: Layer, tile: Tile, tiles: int, programs: int, most: int) -> int:
    """Parts of K, at most `most`, that give a multiprocessor up to `programs` programs.

    Where the last round of programs would occupy few multiprocessors, the nearest number of parts
    that keeps the busiest multiprocessor's steps low.
    """
    wanted = min(most, max(1, programs * gpu.multiprocessors // tiles))
    steps = -(-layer.inputs // tile.inputs)
    busiest_steps = {
        splits: -(-tiles * splits // gpu.multiprocessors) * -(-steps // splits)
        for splits in range(1, most + 1)
    }
    most_steps = _UNEVEN * min(busiest_steps.values())
    even = (splits for splits, count in busiest_steps.items() if count <= most_steps)
    return min(even, key=lambda splits: abs(splits - wanted))


def _max_splits(layer: Layer, tile: Tile, tokens: int) -> int:
    """Parts that K may be split into: each has two steps or more, and all fit L2.

    Sums of 256 rows fill the registers, and storing them as parts would spill.
    """
    if tile.rows >= 256:
        return 1
    steps = -(-layer.inputs // tile.inputs)
    parts = _MAX_PART_BYTES // (4 * tokens * layer.outputs)
    return max(1, min(_MAX_SPLITS, steps // 2, parts))


def tile_on(
    gpu: Gpu, layer: Layer, entry: TableTile, element_bytes: int = 2, in_place: bool = True
) -> Tile:
    """Fit an entry of the table to a layer, K not split; `in_place` as the compiler allows.

    Stages are taken away until shared memory fits. Zero points of groups that 16 does not divide
    need so many registers that above 16 rows a step is 64 inputs. Where a step has one group, the
    float32 scales of floating-point codes multiply products: as weights' they would lose bits.
    """
    several_groups = layer.group != layer.inputs
    many_zeros = several_groups and layer.zeros and layer.group % 16 > 0 and entry.rows > 16
    inputs = 64 if many_zeros else entry.inputs
    if several_groups and layer.group % inputs:
        scales = "each"
    else:
        scaled = (
            layer.codes == INTEGER
            and in_place
            and entry.rows >= _SCALED_WEIGHTS_FROM_ROWS[gpu.family]
        )
        scales = "weight" if scaled else "product"
    tile = Tile(
        entry.rows, entry.outputs, inputs, entry.warps, entry.stages, scales, in_place=in_place
    )
    while tile.stages > 1 and shared_bytes(layer, tile, element_bytes) > gpu.shared_bytes:
        tile = replace(tile, stages=tile.stages - 1)
    return tile


@cache
def gpu_at(index: int) -> Gpu:
    """Describe the GPU of that index. Only a launch calls this."""
    properties = torch.cuda.get_device_properties(index)
    family = {9: 90, 10: 100}.get(properties.major, 80)
    return Gpu(properties.name, family, properties.multi_processor_count)
