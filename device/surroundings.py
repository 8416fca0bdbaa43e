"""What goes on beside us on a device between two moments: other processes, heat, quotas.

Each moment is a few reads of /proc and /sys, or calls of NVML. `Surroundings` is their difference.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from ..store.provenance import Brake, Surroundings
from . import cpu, cpu_clock, cpu_quota, cpu_time
from .nvml import COMPUTE_PROCESSES, EVENT_REASONS, GPU_BUSY, Sensors

_SHORTEST_S: Final = 0.1  # ten ticks: over less, the share of other processes is not known
_LEAST_SHOWN: Final = 0.5  # share of the time that passed which /proc/stat accounts for
_SLOWED_SHARE: Final = 0.01  # share of the time in which a GPU may be slowed down

# For each brake of a GPU, its accumulators of time and its bits of the event reasons (nvml.h).
_GPU_BRAKES: Final[dict[Brake, tuple[tuple[str, ...], int]]] = {
    "heat": (("throttle_sw_thermal_ns", "throttle_hw_thermal_ns"), 0x20 | 0x40),
    "a power brake": (("throttle_power_brake_ns",), 0x80),
}


@dataclass(frozen=True, slots=True)
class CpuMoment:
    """The processors that this process may run on at one moment, and processes of ours.

    The fields are those of `Surroundings`, and counters that only grow.
    """

    time_s: float
    cores: tuple[int, ...]
    times: cpu_time.CpuTimes | None
    ours_s: float
    heat_events: int | None
    quota_stops: int | None
    load_average: float | None
    governors: tuple[str, ...]
    quota_cores: float | None


@dataclass(frozen=True, slots=True)
class GpuMoment:
    """Readings of a GPU by name; one that failed is missing."""

    time_s: float
    readings: dict[str, int]


def cpu_moment(pids: Collection[int]) -> CpuMoment:
    """Read the processors now; `pids` are the processes of ours."""
    cores = cpu.cores()
    return CpuMoment(
        time_s=time.monotonic(),
        cores=cores,
        times=cpu_time.cpu_times(cores),
        ours_s=cpu_time.time_of_processes_s(pids),
        heat_events=cpu_clock.heat_events(cores),
        quota_stops=cpu_quota.quota_stops(),
        load_average=cpu_time.load_average(),
        governors=cpu_clock.governors(cores),
        quota_cores=cpu_quota.quota_cores(),
    )


def gpu_moment(sensors: Sensors) -> GpuMoment:
    """Read a GPU now."""
    now_s = time.monotonic()
    found = (
        *sensors.fields(),
        *sensors.event_reasons(),
        *sensors.compute_processes(),
        *sensors.busy(),
    )
    return GpuMoment(now_s, {one.name: one.value for one in found if one.value is not None})


def beside_us_on_cpu(before: CpuMoment, after: CpuMoment) -> Surroundings:
    """What went on beside us on the processors from one moment to another."""
    slowed: list[Brake] = []
    if _has_risen(before.heat_events, after.heat_events):
        slowed.append("heat")
    if _has_risen(before.quota_stops, after.quota_stops):
        slowed.append("a CPU quota")
    return Surroundings(
        cores=len(after.cores),
        other_cores=_other_cores(before, after),
        load_average=after.load_average,
        governors=after.governors,
        quota_cores=after.quota_cores,
        slowed_by=tuple(slowed),
    )


def beside_us_on_gpu(before: GpuMoment, after: GpuMoment, own_processes: int) -> Surroundings:
    """What went on beside us on a GPU, on which `own_processes` of ours compute at the end."""
    processes = after.readings.get(COMPUTE_PROCESSES)
    busy_percent = after.readings.get(GPU_BUSY)
    busy = None if own_processes or busy_percent is None else min(1.0, busy_percent / 100)
    return Surroundings(
        gpu_processes=None if processes is None else max(0, processes - own_processes),
        gpu_busy=busy,
        slowed_by=tuple(brake for brake in _GPU_BRAKES if _is_braked(before, after, brake)),
    )


def _other_cores(before: CpuMoment, after: CpuMoment) -> float | None:
    """Mean number of processors that other processes kept busy; None where it is not known.

    Some sandboxes show a /proc/stat that stands still.
    """
    passed_s = after.time_s - before.time_s
    if before.times is None or after.times is None or passed_s < _SHORTEST_S:
        return None
    total_s = after.times.total_s - before.times.total_s
    if before.cores != after.cores or total_s < _LEAST_SHOWN * passed_s * len(after.cores):
        return None
    busy_s = after.times.busy_s - before.times.busy_s
    return round(max(0.0, busy_s - (after.ours_s - before.ours_s)) / passed_s, 3)


def _has_risen(before: int | None, after: int | None) -> bool:
    return before is not None and after is not None and after > before


def _is_braked(before: GpuMoment, after: GpuMoment, brake: Brake) -> bool:
    names, bits = _GPU_BRAKES[brake]
    allowed_ns = _SLOWED_SHARE * 1e9 * (after.time_s - before.time_s)
    rises_ns = [
        after.readings[name] - before.readings[name]
        for name in names
        if name in before.readings and name in after.readings
    ]
    return any(rise > allowed_ns for rise in rises_ns) or bool(
        after.readings.get(EVENT_REASONS, 0) & bits
    )
