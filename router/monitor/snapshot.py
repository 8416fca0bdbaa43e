"""What a monitor saw of a GPU at one moment, and what controllers take from it."""

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ...stats.arrays import Float64
from ...store.provenance import EnergySource
from ..control.controller import Telemetry

_LEAST_SPAN_S: Final = 0.5  # an edge is known to some 10 ms, which is 2 % of this


class MonitorState(StrEnum):
    """What a monitor does."""

    STARTING = "starting"  # no round of readings has ended yet
    WATCHING = "watching"
    SILENT = "silent"  # the readings are older than a second; the values are the last ones
    LOST = "lost"  # no reading succeeds, and it is tried again once a second
    ABSENT = "absent"  # there are no sensors to watch
    ENDED = "ended"  # the recording is at its end; the values are its last ones
    STOPPED = "stopped"  # the values are the last ones
    FORKED = "forked"  # a copy in a forked process, which has no thread; the values are the last


@dataclass(frozen=True, slots=True)
class Counted:
    """The energy counter at its last edge: `energy_j` at the time `at_s`.

    The counter was read, and ran without a reset, a jump or a failure, since `since_s`.
    """

    energy_j: float
    at_s: float
    since_s: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One round of readings; None for what was not read or not measured.

    `at_s` is the time at which the round began, on CLOCK_MONOTONIC. `state` is that of the monitor
    since `since_s`, and `reason` says why it does not watch.

    `power_w` is the mean of the last second between edges of the energy counter. Where the counter
    gives none, `power_reason` says why and power is a field of NVML; `power_reading` is the name of
    the reading that it is from (device/nvml.py). `sm_busy_pct` is the share of the last period, a
    second or less, in which any kernel ran, and `memory_busy_pct` that in which device memory was
    read or written. `throttle_reasons` are the names of what holds the clocks down.

    `thermal_pressure` and `power_pressure` say how close the GPU is to its limits, from 0 to 1
    (pressure.py); None unless the monitor watches.
    """

    at_s: float
    state: MonitorState
    since_s: float
    reason: str | None = None
    power_w: float | None = None
    power_source: EnergySource = EnergySource.UNAVAILABLE
    power_reading: str | None = None
    power_reason: str | None = None
    counted: Counted | None = None
    temp_c: float | None = None
    memory_temp_c: float | None = None
    sm_busy_pct: float | None = None
    memory_busy_pct: float | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    sm_clock_mhz: float | None = None
    memory_clock_mhz: float | None = None
    power_limit_w: float | None = None
    throttle_reasons: tuple[str, ...] | None = None
    thermal_pressure: float | None = None
    power_pressure: float | None = None

    @property
    def is_present(self) -> bool:
        """Whether the values are those of now."""
        return self.state is MonitorState.WATCHING


def energy_between(before: Snapshot, after: Snapshot) -> tuple[float, float] | None:
    """Energy in J, idle power included, between the counter's last edges of two snapshots.

    The second number is the time between these edges, s: the energy is exact for that time, and
    for no other. None where the counter was not read, did not move, or did not run without a break.
    """
    first, last = before.counted, after.counted
    if first is None or last is None or not last.since_s <= first.at_s < last.at_s:
        return None
    return last.energy_j - first.energy_j, last.at_s - first.at_s


def telemetry(
    seen: Snapshot,
    *,
    before: Snapshot | None = None,
    at_s: float | None = None,
    tokens_per_s: float | None = None,
    latency_s: float | None = None,
    shares: Float64 | None = None,
) -> Telemetry:
    """What a controller takes of a snapshot at the moment `at_s`, now by default.

    The rate, the latency and the shares are the server's own. Power is the mean since the snapshot
    `before`, where the counter gives it over half a second or more; else that of the last second.
    Power and temperature are None unless the monitor watches, while the time goes on: so a
    controller sees for how long they have been missing.
    """
    at_s = time.monotonic() if at_s is None else at_s
    if not seen.is_present:
        return Telemetry(at_s, None, None, tokens_per_s, latency_s, shares)
    power_w = _mean_power_w(before, seen)
    return Telemetry(at_s, power_w, seen.temp_c, tokens_per_s, latency_s, shares)


def _mean_power_w(before: Snapshot | None, seen: Snapshot) -> float | None:
    counted = None if before is None else energy_between(before, seen)
    if counted is None or counted[1] < _LEAST_SPAN_S:
        return seen.power_w
    return counted[0] / counted[1]
