"""The GPU of a rehearsal: what it can do and what befalls it, in the file that REHEARSAL names."""

import os
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Final, Self

import msgspec

MACHINE: Final = "REHEARSAL"  # environment variable: the path of the description
FULL_MHZ: Final = 1980
IDLE_W: Final = 90.0
L2_BYTES: Final = 1 << 25


@dataclass(frozen=True, slots=True)
class Slowdown:
    """The clock is lower from one time to another, for NVML's `reasons` (a bit mask)."""

    from_s: float
    to_s: float
    sm_mhz: int
    reasons: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A GPU by its roofline, and its faults.

    A kernel takes `kernel_s`, and the longer one of the times of its bytes and of its operations;
    each varies by a share `noise` of itself (standard deviation). It takes `memory_w` and
    `compute_w` above `IDLE_W` for as much of its time as its bytes and its operations need. In the
    first `wake_s` after a rest the clock is 345 MHz.

    oom_rows: a product of more rows finds no memory.
    crash_rows: a product of more rows is an illegal access, and nothing works in its process then.
    captures: whether a CUDA graph can be captured.
    lost_s: from this time on the device answers nothing.
    nvml_call_s: what a call of NVML takes.
    """

    bytes_per_s: float = 5e8
    flops_per_s: float = 2e10
    kernel_s: float = 2e-5
    noise: float = 0.005
    memory_w: float = 300.0
    compute_w: float = 250.0
    wake_s: float = 0.02
    seed: int = 0
    oom_rows: int | None = None
    crash_rows: int | None = None
    captures: bool = True
    lost_s: float | None = None
    slowdowns: tuple[Slowdown, ...] = ()
    nvml_call_s: float = 20e-6

    def write(self, path: Path) -> None:
        path.write_bytes(msgspec.json.encode(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> Self:
        return msgspec.json.decode(path.read_bytes(), type=cls)


H200: Final = Machine(bytes_per_s=4.3e12, flops_per_s=7.8e14, compute_w=450.0)


def machine() -> Machine:
    """The machine that this process is on now."""
    return _read(os.environ[MACHINE])


@cache
def _read(path: str) -> Machine:
    return Machine.read(Path(path))
