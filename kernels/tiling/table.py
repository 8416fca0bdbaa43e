"""The tiles that products on packed weights run on, by Triton version, GPU family and rows.

Source: compiled, not measured. The tiles were compiled for sm_80, sm_90 and sm_100 by each Triton
version of TABLES, and the machine code was read: no register spills, and shared memory fits
(tests/benchmarks/compiled). Which tile is faster on a GPU is unknown. `programs` follows an
estimate of cycles (benchmarks/compiled/cycles.py), not a measurement. By Triton 3.6.0 and 3.9.0 the
tile of 256 rows spills 2 to 10 registers on sm_90, and no other tile spills.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class TableTile:
    """A tile of `rows` of x by `outputs`, which walks K in steps of `inputs`.

    A program has `warps` and `stages` of its copy pipeline, fewer where shared memory is short.
    K is split until a multiprocessor has up to `programs` programs: two small programs fill each
    other's waits for copies, and of large ones only one fits the registers.
    """

    rows: int
    outputs: int
    inputs: int
    warps: int
    stages: int
    programs: int


# No 64 rows: they need 10.2 instructions per weight, and 32 rows 6.1 (Triton 3.7.1).
_AMPERE = (
    TableTile(rows=16, outputs=64, inputs=128, warps=4, stages=4, programs=2),
    TableTile(rows=16, outputs=128, inputs=128, warps=4, stages=4, programs=2),
    TableTile(rows=32, outputs=128, inputs=128, warps=4, stages=3, programs=2),
    TableTile(rows=128, outputs=128, inputs=64, warps=8, stages=3, programs=1),
)
_HOPPER_AND_BLACKWELL = (
    TableTile(rows=16, outputs=64, inputs=128, warps=4, stages=5, programs=2),
    TableTile(rows=16, outputs=128, inputs=128, warps=4, stages=4, programs=2),
    TableTile(rows=32, outputs=128, inputs=128, warps=4, stages=4, programs=2),
    TableTile(rows=64, outputs=128, inputs=128, warps=4, stages=4, programs=2),
    TableTile(rows=128, outputs=128, inputs=128, warps=8, stages=3, programs=1),
    TableTile(rows=256, outputs=128, inputs=128, warps=8, stages=3, programs=1),
)
# float32 uses no tensor cores and no packed pairs: larger tiles would spill.
_FLOAT32 = tuple(
    TableTile(rows=rows, outputs=32, inputs=64, warps=4, stages=2, programs=2) for rows in (16, 32)
)
# Their machine code was read for sm_90 (benchmarks/compiled/wgmma.py): 3.6.0 to 3.8.0 rewrite the
# registers of a wgmma that is left in flight over the end of an iteration, 3.9.0 waits for it.
WAITING_TRITONS: Final = frozenset({"3.9.0"})
NEWEST_TRITON: Final = "3.7.1"
TABLES: Final = {
    NEWEST_TRITON: {80: _AMPERE, 90: _HOPPER_AND_BLACKWELL, 100: _HOPPER_AND_BLACKWELL}
}


def tiles_for(family: int, element_bytes: int, triton_version: str) -> tuple[TableTile, ...]:
    """Tiles of a GPU family (80, 90, 100), in increasing size, for elements of x of 2 or 4 bytes.

    A Triton version that was not compiled for gets the tiles of the newest one that was.
    """
    if element_bytes == 4:
        return _FLOAT32
    return TABLES.get(triton_version, TABLES[NEWEST_TRITON])[family]


def adds_in_place(family: int, triton_version: str) -> bool:
    """Whether a kernel of this GPU family and compiler may leave products of weights in flight.

    Not on sm_90 by a compiler that rewrites the registers of such a product before it is done
    (triton issue 9433), nor by one whose machine code was not read.
    """
    return family != 90 or triton_version in WAITING_TRITONS
