"""How many cycles a product should take on a tile: an estimate to choose by, not a measurement.

A program walks its steps one after the other: it waits for the copies, unpacks the weights,
multiplies, waits again. Programs that share a multiprocessor fill each other's waits, so a step
costs what the busiest unit takes for all of them, or the whole wait of one divided among them.
Memory is held up where too few bytes are on their way (Little's law). All rates are those of one
multiprocessor in a cycle.
"""

import math
from dataclasses import dataclass

from .tiles import Gpu, Layer, Tile, shared_bytes, weight_bytes


@dataclass(frozen=True, slots=True)
class _Rates:
    multiply_adds: int  # of 16-bit floats
    waits: bool  # for its products, before it unpacks more
    memory_bytes: float
    cache_bytes: float  # of L2


# A100 (80 GB), H200 and B200: tensor cores by their data sheets, of memory nine tenths, as measured
# on an H200 (4.3 TB/s). What L2 gives is the least known: some 40 % of its ports' width.
_RATES = {
    80: _Rates(1024, False, 12.0, 22.0),
    90: _Rates(2048, True, 18.5, 28.0),
    100: _Rates(4096, True, 25.0, 32.0),
}
_MEMORY_WAIT = 1400  # cycles until a byte from memory is there
_CACHE_WAIT = 300
_STEP_WAIT = 250  # for copies, barriers and the first product of a step
_REGISTERS = 1 << 16  # of a multiprocessor


def cycles(
    gpu: Gpu,
    layer: Layer,
    tile: Tile,
    registers: int,
    per_weight: float,
    tokens: int,
    element_bytes: int = 2,
    experts: int = 1,
) -> float:
    """Estimate the cycles of a product of `tokens` by each of `experts` layers, in one launch.

    A thread has `registers` and spends `per_weight` instructions on a weight.
    """
    rates = _RATES[gpu.family]
    row_tiles = math.ceil(tokens / tile.rows)
    columns = math.ceil(layer.outputs / tile.outputs)
    share = experts * row_tiles * columns * tile.splits / gpu.multiprocessors  # in programs
    rounds = math.ceil(share)
    resident = min(rounds, _resident(gpu, layer, tile, registers, element_bytes))
    steps = math.ceil(math.ceil(layer.inputs / tile.inputs) / tile.splits)

    unpack = per_weight * tile.outputs * tile.inputs / 128  # by 128 lanes
    multiply = tile.rows * tile.outputs * tile.inputs / rates.multiply_adds
    ends = _MEMORY_WAIT + (_CACHE_WAIT * (tile.splits + 2) if tile.splits > 1 else 0)
    alone = steps * _alone(rates, tile, unpack, multiply) + ends
    busy = max(rounds * steps * max(unpack, multiply) + ends, rounds / resident * alone)

    each = experts / gpu.multiprocessors
    numbers = layer.outputs * layer.inputs / layer.group * (2 if layer.zeros else 1)
    weights = each * (layer.outputs * layer.inputs * layer.bits / 8 + numbers * element_bytes)
    rows = each * columns * tokens * layer.inputs * element_bytes
    parts = each * 8 * tile.splits * tokens * layer.outputs if tile.splits > 1 else 0
    cache = (weights * row_tiles + rows + parts) / rates.cache_bytes

    coming = max(1, min(resident, share) * (tile.stages - 1) * weight_bytes(layer, tile))
    memory = weights / min(rates.memory_bytes, coming / _MEMORY_WAIT) + ends
    return max(busy, cache, memory)


def _alone(rates: _Rates, tile: Tile, unpack: float, multiply: float) -> float:
    """Cycles of a step where nothing else runs beside it.

    The compiled loop shows it: a product that is scaled afterwards is waited for. One that adds up
    in place is cut in two, and its second half runs while the next step begins.
    """
    if not rates.waits:
        return max(unpack, multiply) + _STEP_WAIT
    if tile.scales == "product":
        return unpack + multiply + _STEP_WAIT
    return max(unpack + _STEP_WAIT, multiply / 2) + multiply / 2


def _resident(gpu: Gpu, layer: Layer, tile: Tile, registers: int, element_bytes: int) -> int:
    """Programs that one multiprocessor holds at a time."""
    by_memory = gpu.shared_bytes // shared_bytes(gpu, layer, tile, element_bytes)
    by_registers = _REGISTERS // (math.ceil(registers / 8) * 8 * 32 * tile.warps)
    return max(1, min(by_memory, by_registers))
