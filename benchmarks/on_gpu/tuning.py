"""Time our kernel on other tiles; the fastest is an entry for MEASURED in tiling/choice.py."""

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from unittest.mock import patch

from moeprof.benchmarks.compiled.cycles import cycles
from moeprof.benchmarks.on_gpu.bench import Bench, Clock, Timed
from moeprof.benchmarks.on_gpu.linear import GELU, ours, problem, what
from moeprof.kernels.backend import triton
from moeprof.kernels.tiling import choice
from moeprof.kernels.tiling.table import adds_in_place
from moeprof.kernels.tiling.tiles import Gpu, Layer, Tile, shared_bytes

SHAPES = ((64, 4), (128, 4), (128, 8))  # outputs and warps; (64, 8) would unpack weights twice
STAGES, SPLITS = (4, 3, 5, 2), (1, 2, 3, 4, 6, 8)  # tried in this order
MAX_REGISTERS = 192  # for sums and weights: at 192 sm_90 spills at most 26, at 288 2566


def time_tiles(bench: Bench, layer: Layer, tokens: int, limit_s: float) -> Iterator[Timed]:
    """Try tiles for `limit_s`, the lowest estimates first; yield a row for the fastest."""

    def rows() -> Iterator[Timed]:
        yield _fastest(bench, layer, tokens, Clock(limit_s))

    return bench.rows(what(layer, tokens, "tuned"), rows)


def _fastest(bench: Bench, layer: Layer, tokens: int, clock: Clock) -> Timed:
    given, gpu = problem(bench, layer, tokens), choice.gpu_at(0)
    key = (gpu.name, layer, choice.rows_for(gpu, tokens))
    every = candidates(gpu, layer, tokens)
    tried: dict[Tile, Timed] = {}
    for tile in every:
        if clock.left_s() <= 0 or bench.clock.left_s() <= 0:
            break
        with patch.dict(choice.MEASURED, {key: tile}):
            tried[tile] = given.row("tile", partial(ours, given), GELU, weigh=False)
    us = {tile: row.us for tile, row in tried.items() if row.us is not None}
    wrong = sum(row.error is not None and row.us is None for row in tried.values())
    said = f"{len(tried)} of {len(every)} tiles tried, {len(us)} run, {wrong} wrong"
    if not us:
        return Timed(*what(layer, tokens, "tuned"), why=said)
    best = min(us, key=us.__getitem__)
    return replace(tried[best], variant=f"MEASURED[{key}] = {best}", why=said)


def candidates(gpu: Gpu, layer: Layer, tokens: int) -> list[Tile]:
    """The chosen tile, then others in order of estimated cycles, if they fit the GPU.

    The estimate may be wrong for a whole shape, which is a tile without its stages and splits. So
    the estimate of a shape's nth tile is raised by n tenths, and other shapes are tried early too.
    """
    most = choice.rows_for(gpu, tokens)
    estimated = {
        tile: cycles(gpu, layer, tile, *_expected(tile), tokens)
        for rows in {most, max(most // 2, 16)}
        for tile in _fitting(gpu, layer, rows)
    }
    seen: Counter[Tile] = Counter()
    rank: dict[Tile, float] = {}
    for tile in sorted(estimated, key=estimated.__getitem__):
        shape = replace(tile, stages=1, splits=1)
        rank[tile] = estimated[tile] * (1 + seen[shape] / 10)
        seen[shape] += 1
    chosen = choice.choose_tile(gpu, layer, tokens)
    return list(dict.fromkeys([chosen, *sorted(rank, key=rank.__getitem__)]))


def _fitting(gpu: Gpu, layer: Layer, rows: int) -> Iterator[Tile]:
    """Tiles of so many rows that fit shared memory and registers; steps lie within a group."""
    in_place = adds_in_place(gpu.family, triton.__version__)
    where = {64: ("weight", "product")}.get(rows, ("weight",) if rows > 64 else ("product",))
    where = where if in_place else ("product",)
    # Sums of 256 rows fill the registers, and storing them as parts would spill.
    splits = SPLITS if rows < 256 else (1,)
    for (outputs, warps), inputs in itertools.product(SHAPES, (64, 128)):
        for stages, parts, scales in itertools.product(STAGES, splits, where):
            tile = Tile(rows, outputs, inputs, warps, stages, scales, parts, in_place)
            fits = shared_bytes(layer, tile, 2) <= gpu.shared_bytes
            if fits and _registers(tile) <= MAX_REGISTERS and parts <= layer.inputs // inputs:
                yield tile


def _registers(tile: Tile) -> int:
    """Registers per thread for weights and sums; a product that is scaled needs sums twice."""
    sums = tile.rows * tile.outputs * (2 if tile.scales == "product" else 1)
    return (sums + tile.outputs * tile.inputs // 2) // (32 * tile.warps)


def _expected(tile: Tile) -> tuple[int, float]:
    """Rough registers per thread, and instructions per weight, of a tile on sm_90."""
    weights = tile.outputs * tile.inputs / (32 * tile.warps)  # per thread
    return min(255, 90 + _registers(tile)), 2.4 + 70 / weights
