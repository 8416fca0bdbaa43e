"""What a tile is, what it runs on, and how much shared memory it takes."""

from dataclasses import dataclass

from .codes import INTEGER


@dataclass(frozen=True, slots=True)
class Gpu:
    """The properties of a GPU that decide the tile.

    `family` is 80, 90 or 100. Shared memory is what one program may have: 227 KiB for 90 and 100.
    Family 80 includes sm_86 and every unknown GPU, so it counts with the 99 KiB of sm_86.
    """

    name: str
    family: int
    multiprocessors: int

    @property
    def shared_bytes(self) -> int:
        """Shared memory that one program may have, bytes."""
        return _SHARED_BYTES[self.family]


_SHARED_BYTES = {80: 99 << 10, 90: 227 << 10, 100: 227 << 10}


@dataclass(frozen=True, slots=True)
class Layer:
    """A linear layer on packed weights: N `outputs`, K `inputs`, `bits` per weight.

    One scale serves `group` neighbours along K, of `span` neighbouring outputs; `zeros` says
    whether there are zero points, and `codes` what the bits are (codes.py).
    """

    outputs: int
    inputs: int
    bits: int
    group: int
    zeros: bool = False
    codes: str = INTEGER
    span: int = 1


@dataclass(frozen=True, slots=True)
class Tile:
    """A program's share of a product: `rows` of x by `outputs`, K in steps of `inputs`.

    `scales` says what a scale multiplies: the float32 "product" of a step, the "weight", or the
    weights of "each" group where one step may hold several groups. K is split among `splits`
    programs. Products of scaled weights are added to the sums `in_place` by the tensor core, in
    part while the next weights are unpacked, or else each is waited for and then added.
    """

    rows: int
    outputs: int
    inputs: int
    warps: int
    stages: int
    scales: str
    splits: int = 1
    in_place: bool = True


def shared_bytes(layer: Layer, tile: Tile, element_bytes: int) -> int:
    """Upper estimate of a program's shared memory: x and packed weights of each stage, bytes.

    Triton keeps one stage of the weights less for some tiles.
    """
    x_bytes = tile.inputs * tile.rows * element_bytes
    return tile.stages * (x_bytes + tile.outputs * tile.inputs * layer.bits // 8)
