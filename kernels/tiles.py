"""The tiles that products on packed weights run on, and what they compile to.

An unknown GPU is taken for the smallest of its kind: sm_86, with 99 KiB of shared memory.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Gpu:
    """What is to be known of a GPU to choose a tile."""

    name: str
    family: int  # 80, 90 or 100: which of the known ones it is like
    multiprocessors: int

    @property
    def shared_bytes(self) -> int:
        """Shared memory of a multiprocessor, and what one program may have of it."""
        return _SHARED_BYTES[self.family]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A tile as Triton compiles it for weights of 4 bits in groups of 128.

    A thread has `registers` and spends `per_weight` instructions on a weight, both rounded up.
    """

    rows: int
    outputs: int
    inputs: int
    warps: int
    stages: int
    registers: int
    per_weight: float


_SHARED_BYTES = {80: 99 << 10, 90: 227 << 10, 100: 227 << 10}

_AMPERE = (
    Compiled(rows=16, outputs=64, inputs=128, warps=4, stages=4, registers=120, per_weight=4.9),
    Compiled(rows=16, outputs=128, inputs=128, warps=4, stages=4, registers=168, per_weight=4.4),
    Compiled(rows=32, outputs=128, inputs=128, warps=4, stages=3, registers=168, per_weight=6.1),
    Compiled(rows=64, outputs=128, inputs=128, warps=8, stages=3, registers=168, per_weight=10.2),
    Compiled(rows=128, outputs=128, inputs=64, warps=8, stages=3, registers=208, per_weight=16.0),
)
_HOPPER = (
    Compiled(rows=16, outputs=64, inputs=128, warps=4, stages=5, registers=96, per_weight=3.1),
    Compiled(rows=16, outputs=128, inputs=128, warps=4, stages=4, registers=168, per_weight=2.4),
    Compiled(rows=32, outputs=128, inputs=128, warps=4, stages=4, registers=224, per_weight=2.6),
    Compiled(rows=64, outputs=128, inputs=128, warps=4, stages=4, registers=240, per_weight=3.1),
    Compiled(rows=128, outputs=128, inputs=128, warps=8, stages=3, registers=184, per_weight=3.6),
    Compiled(rows=256, outputs=128, inputs=128, warps=8, stages=3, registers=255, per_weight=4.0),
)
_BLACKWELL = (
    Compiled(rows=16, outputs=64, inputs=128, warps=4, stages=5, registers=96, per_weight=4.0),
    Compiled(rows=16, outputs=128, inputs=128, warps=4, stages=4, registers=136, per_weight=2.9),
    Compiled(rows=32, outputs=128, inputs=128, warps=4, stages=4, registers=168, per_weight=3.0),
    Compiled(rows=64, outputs=128, inputs=128, warps=4, stages=4, registers=240, per_weight=3.3),
    Compiled(rows=128, outputs=128, inputs=128, warps=8, stages=3, registers=240, per_weight=4.5),
    Compiled(rows=256, outputs=128, inputs=128, warps=8, stages=3, registers=168, per_weight=5.8),
)
TILES = {80: _AMPERE, 90: _HOPPER, 100: _BLACKWELL}  # by family
# float32 knows no tensor core and no packing of pairs: small tiles keep the registers.
FLOAT32 = tuple(
    Compiled(rows=rows, outputs=32, inputs=64, warps=4, stages=2, registers=255, per_weight=rows)
    for rows in (16, 32)
)


def tile_of(gpu: Gpu, layer: Layer, compiled: Compiled, element_bytes: int = 2) -> Tile:
    """Give the tile of the table as it runs on a layer, K not split."""
    several = layer.group != layer.inputs
    # The registers of a larger step do not hold the zero points of so many groups.
    many = several and layer.zeros and layer.group % 16 > 0 and compiled.rows > 16
    inputs = 64 if many else compiled.inputs
    each = several and layer.group % inputs > 0
    scales = "each" if each else _where_scales(gpu, layer, compiled.rows)
    sizes = (compiled.rows, compiled.outputs, inputs, compiled.warps, compiled.stages)
    tile = Tile(*sizes, scales)
    while tile.stages > 1 and shared_bytes(layer, tile, element_bytes) > gpu.shared_bytes:
        tile = replace(tile, stages=tile.stages - 1)
    return tile


def _where_scales(gpu: Gpu, layer: Layer, rows: int) -> str:
    """Give what a scale is applied to with the fewest instructions, or with fewer waits."""
    weights_from = {80: 128, 90: 64, 100: 256}[gpu.family]
    return "weight" if rows >= weights_from else "product"


def weight_bytes(layer: Layer, tile: Tile) -> int:
    """Packed weights of a step."""
    return tile.outputs * tile.inputs * layer.bits // 8


def shared_bytes(layer: Layer, tile: Tile, element_bytes: int) -> int:
    """Shared memory of a program: x and weights of each stage.

    Some tiles keep one copy less of the weights, others need a little to move numbers about.
    """
    of_x = tile.inputs * tile.rows * element_bytes
    return tile.stages * (of_x + weight_bytes(layer, tile))
