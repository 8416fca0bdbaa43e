"""Energy of the host's processor packages by RAPL through the kernel's perf events.

For hosts whose powercap may not be read: `perf stat -e power/energy-pkg/` reads the same counters.
The kernel corrects their wraps.
"""

import ctypes
import os
import platform
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..store.errors import CannotMeasure

POWER_EVENTS: Final = Path("/sys/bus/event_source/devices/power")
_PERF_EVENT_OPEN: Final = 298  # system call number on x86-64, the only architecture with RAPL
_ATTRIBUTES: Final = struct.Struct("=IIQ112x")  # perf_event_attr: type, size, config, the rest zero
_EVERY_PROCESS: Final = -1


@dataclass(frozen=True, slots=True)
class PerfCounter:
    """An open counter of one processor package; one count is `joules`."""

    descriptor: int
    joules: float

    def energy_uj(self) -> int:
        """Energy since the counter was opened, µJ. Raises CannotMeasure where reading fails."""
        try:
            count = int.from_bytes(os.read(self.descriptor, 8), sys.byteorder, signed=True)
        except OSError as error:
            raise CannotMeasure(f"RAPL is unavailable: perf cannot be read: {error}") from error
        return round(count * self.joules * 1e6)

    def close(self) -> None:
        """Close the counter."""
        os.close(self.descriptor)


def open_counters(events: Path = POWER_EVENTS) -> list[PerfCounter]:
    """Open one counter per processor package; the caller closes them.

    Raises CannotMeasure where the kernel has no energy events or refuses access.
    """
    try:
        kind = int((events / "type").read_text(encoding="ascii"))
        code = (events / "events" / "energy-pkg").read_text(encoding="ascii").strip()
        joules = float((events / "events" / "energy-pkg.scale").read_text(encoding="ascii"))
        cpus = _cpus((events / "cpumask").read_text(encoding="ascii"))
        config = int(code.removeprefix("event="), 16)
    except (OSError, ValueError) as error:
        raise CannotMeasure(
            f"RAPL is unavailable: perf has no energy events in {events}",
            hint="virtual machines seldom pass them on; measure on the bare host",
        ) from error
    counters: list[PerfCounter] = []
    try:
        for cpu in cpus:
            counters.append(PerfCounter(_open(kind, config, cpu), joules))
    except CannotMeasure:
        for counter in counters:
            counter.close()
        raise
    return counters


def _cpus(mask: str) -> list[int]:
    """The processors of a mask such as "0,32" or "0-1", one for each package."""
    spans = [part.partition("-") for part in mask.strip().split(",")]
    return [cpu for first, _, last in spans for cpu in range(int(first), int(last or first) + 1)]


def _open(kind: int, config: int, cpu: int) -> int:
    if platform.machine() != "x86_64":
        raise CannotMeasure(f"RAPL is unavailable: {platform.machine()} has none")
    attributes = ctypes.create_string_buffer(_ATTRIBUTES.pack(kind, _ATTRIBUTES.size, config))
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    descriptor: int = syscall(_PERF_EVENT_OPEN, attributes, _EVERY_PROCESS, cpu, -1, 0)
    if descriptor < 0:
        raise CannotMeasure(
            f"RAPL is unavailable: perf refuses: {os.strerror(ctypes.get_errno()).lower()}",
            hint="sudo sysctl kernel.perf_event_paranoid=0",
        )
    return descriptor
