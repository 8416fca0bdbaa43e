"""Estimated cycles of a product on a tile: for tuning order and roofline tables, not measured.

A program waits for its copies, unpacks weights, multiplies, and waits again. Programs on one
multiprocessor overlap their waits, so a step costs what the busiest unit needs for all of them, or
one program's whole step divided among them, whichever is longer. Memory is slower where too few
bytes are in flight (Little's law). All rates are per multiprocessor and cycle.
"""

import math
from dataclasses import dataclass

from moeprof.kernels.tiling.tiles import Gpu, Layer, Tile, shared_bytes


@dataclass(frozen=True, slots=True)
class _Rates:
    """Rates of a multiprocessor per cycle.

    `multiply_adds` are of 16-bit floats. `waits`: a program waits for its products before it
    unpacks more. `cache_bytes` are read from L2.
    """

    multiply_adds: int
    waits: bool
    memory_bytes: float
    cache_bytes: float


# A100 (80 GB), H200 and B200. Tensor cores by data sheet; memory nine tenths of the data sheet, the
# share measured on an H200 (4.3 TB/s). L2 is assumed: some 40 % of its ports' width.
_RATES = {
    80: _Rates(1024, False, 12.0, 22.0),
    90: _Rates(2048, True, 18.5, 28.0),
    100: _Rates(4096, True, 25.0, 32.0),
}
_MEMORY_CYCLES = 1400  # latency of memory
_CACHE_CYCLES = 300  # latency of L2
_STEP_CYCLES = 250  # waits of a step: copies, barriers and its first product
_REGISTERS = 1 << 16  # per multiprocessor


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
    """Estimate the cycles of one launch: `tokens` rows times each of `experts` layers.

    A thread has `registers` and needs `per_weight` instructions per weight. Every quantity below is
    one multiprocessor's share.
    """
    rates = _RATES[gpu.family]
    row_tiles = math.ceil(tokens / tile.rows)
    columns = math.ceil(layer.outputs / tile.outputs)
    programs = experts * row_tiles * columns * tile.splits / gpu.multiprocessors
    rounds = math.ceil(programs)
    resident = min(rounds, _resident(gpu, layer, tile, registers, element_bytes))
    steps = math.ceil(math.ceil(layer.inputs / tile.inputs) / tile.splits)

    unpack_cycles = per_weight * tile.outputs * tile.inputs / 128  # a multiprocessor has 128 lanes
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

    stage_bytes = tile.outputs * tile.inputs * layer.bits // 8
    in_flight_bytes = min(resident, programs) * (tile.stages - 1) * stage_bytes
    memory_bytes = min(rates.memory_bytes, max(1, in_flight_bytes) / _MEMORY_CYCLES)
    memory_cycles = weights_bytes / memory_bytes + ends_cycles
    return max(busy_cycles, cache_cycles, memory_cycles)


def _step_cycles(rates: _Rates, tile: Tile, unpack_cycles: float, multiply_cycles: float) -> float:
    """Cycles of a step of a program that is alone on its multiprocessor.

    The machine code waits for a product that is scaled afterwards. A product that accumulates in
    place is cut in two, and its second half runs while the next step begins.
    """
    if not rates.waits:
        return max(unpack_cycles, multiply_cycles) + _STEP_CYCLES
    if tile.scales == "product" or not tile.in_place:
        return unpack_cycles + multiply_cycles + _STEP_CYCLES
    return max(unpack_cycles + _STEP_CYCLES, multiply_cycles / 2) + multiply_cycles / 2


def _resident(gpu: Gpu, layer: Layer, tile: Tile, registers: int, element_bytes: int) -> int:
    """Programs that fit on one multiprocessor at a time."""
    by_memory = gpu.shared_bytes // shared_bytes(layer, tile, element_bytes)
    by_registers = _REGISTERS // (math.ceil(registers / 8) * 8 * 32 * tile.warps)
    return max(1, min(by_memory, by_registers))
