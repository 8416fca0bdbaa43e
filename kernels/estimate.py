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
_MEMORY_CYCLES = 1400  # until a byte from memory is there
_CACHE_CYCLES = 300
_STEP_CYCLES = 250  # of waiting: for copies, barriers and the first product of a step
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

    A thread has `registers` and spends `per_weight` instructions on a weight. All that is counted
    within is one multiprocessor's share.
    """
    rates = _RATES[gpu.family]
    row_tiles = math.ceil(tokens / tile.rows)
    columns = math.ceil(layer.outputs / tile.outputs)
    programs = experts * row_tiles * columns * tile.splits / gpu.multiprocessors
    rounds = math.ceil(programs)
    resident = min(rounds, _resident(gpu, layer, tile, registers, element_bytes))
    steps = math.ceil(math.ceil(layer.inputs / tile.inputs) / tile.splits)

    unpack_cycles = per_weight * tile.outputs * tile.inputs / 128  # by 128 lanes
    multiply_cycles = tile.rows * tile.outputs * tile.inputs / rates.multiply_adds
    ends_cycles = _MEMORY_CYCLES + (_CACHE_CYCLES * (tile.splits + 2) if tile.splits > 1 else 0)
    step_cycles = _step_cycles(rates, tile, unpack_cycles, multiply_cycles)
    busy_cycles = max(
        rounds * steps * max(unpack_cycles, multiply_cycles) + ends_cycles,
        rounds / resident * (steps * step_cycles + ends_cycles),
    )

    layers = experts / gpu.multiprocessors
    numbers = layer.outputs * layer.inputs / layer.group * (2 if layer.zeros else 1)
    packed_bytes = layer.outputs * layer.inputs * layer.bits / 8
    weights_bytes = layers * (packed_bytes + numbers * element_bytes)
    rows_bytes = layers * columns * tokens * layer.inputs * element_bytes
    parts_bytes = layers * 8 * tile.splits * tokens * layer.outputs if tile.splits > 1 else 0
    cache_cycles = (weights_bytes * row_tiles + rows_bytes + parts_bytes) / rates.cache_bytes

    coming_bytes = min(resident, programs) * (tile.stages - 1) * weight_bytes(layer, tile)
    memory_bytes = min(rates.memory_bytes, max(1, coming_bytes) / _MEMORY_CYCLES)  # a cycle
    memory_cycles = weights_bytes / memory_bytes + ends_cycles
    return max(busy_cycles, cache_cycles, memory_cycles)


def _step_cycles(rates: _Rates, tile: Tile, unpack_cycles: float, multiply_cycles: float) -> float:
    """Cycles of a step where nothing else runs beside it.

    The compiled loop shows it: a product that is scaled afterwards is waited for. One that adds up
    in place is cut in two, and its second half runs while the next step begins.
    """
    if not rates.waits:
        return max(unpack_cycles, multiply_cycles) + _STEP_CYCLES
    if tile.scales == "product":
        return unpack_cycles + multiply_cycles + _STEP_CYCLES
    return max(unpack_cycles + _STEP_CYCLES, multiply_cycles / 2) + multiply_cycles / 2


def _resident(gpu: Gpu, layer: Layer, tile: Tile, registers: int, element_bytes: int) -> int:
    """Programs that one multiprocessor holds at a time."""
    by_memory = gpu.shared_bytes // shared_bytes(layer, tile, element_bytes)
    by_registers = _REGISTERS // (math.ceil(registers / 8) * 8 * 32 * tile.warps)
    return max(1, min(by_memory, by_registers))
