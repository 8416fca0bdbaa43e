"""How busy the host's processors are, and how much of that some processes of ours are.

Source: proc(5), /proc/stat and /proc/PID/stat; both count in ticks of 1/100 s.
"""

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

PROC: Final = Path("/proc")
_TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")
_STATES: Final = 8  # user to steal; guest time, which follows, is counted in user already
_IDLE, _IO_WAIT = 3, 4


class CpuTimes(NamedTuple):
    """Times of some processors together since boot, s: in any state, and with something to do."""

    total_s: float
    busy_s: float


def cpu_times(cores: Collection[int], proc: Path = PROC) -> CpuTimes | None:
    """Read the times of processors by number; None where Linux does not show each of them.

    A container may show its own processors, renumbered. Time that a hypervisor gave to another
    machine counts as busy.
    """
    found: list[list[int]] = []
    try:
        with (proc / "stat").open(encoding="ascii") as lines:
            for line in lines:
                name, *ticks = line.split()
                if not name.startswith("cpu"):
                    break
                if name[3:].isdecimal() and int(name[3:]) in cores:
                    found.append([int(one) for one in ticks[:_STATES]])
    except (OSError, ValueError):
        return None
    if len(found) != len(cores) or any(len(ticks) <= _IO_WAIT for ticks in found):
        return None
    total = sum(map(sum, found))
    idle = sum(ticks[_IDLE] + ticks[_IO_WAIT] for ticks in found)
    return CpuTimes(total * _TICK_S, (total - idle) * _TICK_S)


def time_of_processes_s(pids: Collection[int], proc: Path = PROC) -> float:
    """Sum the CPU time of processes, and of children that they took leave of, s.

    A process that has ended counts nothing: its parent's time has what it took.
    """
    ticks = 0
    for pid in pids:
        with suppress(OSError, ValueError):
            after_name = (proc / str(pid) / "stat").read_bytes().rpartition(b") ")[2].split()
            ticks += sum(map(int, after_name[11:15]))  # utime, stime, cutime, cstime
    return ticks * _TICK_S


def load_average(proc: Path = PROC) -> float | None:
    """Mean number of processes that ran or waited in the last minute; None where not shown."""
    with suppress(OSError, ValueError):
        return float((proc / "loadavg").read_text(encoding="ascii").split()[0])
    return None
