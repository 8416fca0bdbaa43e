"""What rules the clocks of the host's processors: their governors, and heat.

A virtual machine shows neither. Sources: the kernel's admin-guide/pm/cpufreq and, for the counters,
arch/x86/kernel/cpu/mce/therm_throt.c.
"""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

CPUS: Final = Path("/sys/devices/system/cpu")


def governors(cores: Iterable[int], cpus: Path = CPUS) -> tuple[str, ...]:
    """Name the frequency governors of processors, each once; empty where there are none."""
    found = set()
    for core in cores:
        with suppress(OSError, ValueError):
            path = cpus / f"cpu{core}" / "cpufreq" / "scaling_governor"
            found.add(path.read_text(encoding="ascii").strip())
    return tuple(sorted(found))


def heat_events(cores: Iterable[int], cpus: Path = CPUS) -> int | None:
    """Count how often heat slowed processors or their package since boot; None where not counted.

    A package counts once for each of its processors: only a rise means something.
    """
    counts = []
    for core in cores:
        for name in ("core_throttle_count", "package_throttle_count"):
            with suppress(OSError, ValueError):
                path = cpus / f"cpu{core}" / "thermal_throttle" / name
                counts.append(int(path.read_text(encoding="ascii")))
    return sum(counts) if counts else None
