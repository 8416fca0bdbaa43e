"""What happened to a GPU and its host during a window that a power log covers.

A fault takes the energy of the window away: it was not what was meant to be measured, or it was
not measured. A mark stays beside it.
"""

from enum import StrEnum
from typing import Final

import numpy as np

from ..device.nvml import (
    COMPUTE_PROCESSES,
    ENERGY,
    EVENT_REASONS,
    POWER_INSTANT,
    POWER_LIMIT,
    SM_CLOCK,
    TEMP_GPU,
)
from .counter import Edges, counter_edges
from .power_log import CLOCK_BOOT, CLOCK_EPOCH, PowerLog, Series, clock_offset_ns

_THROTTLED_SHARE: Final = 0.01  # of the window, above which throttling counts
CAPPED_SHARE: Final = 0.01  # of the window, above which the power limit counts
_DRIFT_MHZ: Final = 60  # four steps of the SM clock; one or two come with temperature
_CLOCK_STEP_NS: Final = 1_000_000
_SLEW: Final = 500e-6  # the fastest that a host adjusts its clock without a step (adjtimex)
_PLAUSIBLE: Final = (0.01, 1.3)  # of its power limit: no GPU idles below, or draws more
_FROZEN_READINGS: Final = 20
_FROZEN_RISE_C: Final = 2


class Fault(StrEnum):
    """What takes the energy of a window away."""

    NOT_RECORDED = "the power log has no reading in the window"
    NOT_SUPPORTED = "NVML does not support the energy counter on this GPU"
    TOO_OLD = "the driver's NVML is too old to have the energy counter"
    NO_PERMISSION = "NVML refused permission to read the energy counter"
    GPU_LOST = "the GPU was lost"
    READ_FAILED = "the energy counter could not be read"
    COUNTER_RESET = "the energy counter was reset: the driver was reloaded"
    IMPLAUSIBLE = "the energy counter gives a power that no GPU draws"
    POWER_FROZEN = "the power readings are frozen while the temperature changes"
    FOREIGN_PROCESS = "another process computed on the GPU"
    THERMAL_THROTTLING = "the GPU was slowed down by heat"
    POWER_BRAKE = "the GPU was slowed down by its power brake"
    CLOCK_DRIFT = "the GPU changed its SM clock while no power limit held it down"
    CLOCK_STEPPED = "the host's clock was set during the window"
    SUSPENDED = "the machine was suspended during the window"


CODES: Final = {
    3: Fault.NOT_SUPPORTED,
    4: Fault.NO_PERMISSION,
    13: Fault.TOO_OLD,
    15: Fault.GPU_LOST,
}
# Throttle-time accumulator, and the bits of the event reasons that say the same (nvml.h).
_THROTTLES: Final = {
    Fault.THERMAL_THROTTLING: (("throttle_sw_thermal_ns", 0x20), ("throttle_hw_thermal_ns", 0x40)),
    Fault.POWER_BRAKE: (("throttle_power_brake_ns", 0x80),),
}
_POWER_CAP: Final = ("throttle_power_cap_ns", 0x4)


def faults(log: PowerLog, begin_ns: int, end_ns: int, processes: int) -> list[Fault]:
    """Every fault of the window [begin_ns, end_ns] on the log's clock, the gravest first.

    `processes` is how many compute processes of our own are on the GPU.
    """
    counter = log.series(ENERGY).between(begin_ns, end_ns)
    found = _counter_faults(counter) or _power_faults(counter_edges(counter), power_limit_w(log))
    if _frozen(log, begin_ns, end_ns):
        found.append(Fault.POWER_FROZEN)
    seen = log.series(COMPUTE_PROCESSES).around(begin_ns, end_ns).good()
    if (seen.value > processes).any():
        found.append(Fault.FOREIGN_PROCESS)
    for fault, sources in _THROTTLES.items():
        shares = [_throttled_share(log, *source, begin_ns, end_ns) for source in sources]
        if any(share is not None and share > _THROTTLED_SHARE for share in shares):
            found.append(fault)
    capped = power_capped_share(log, begin_ns, end_ns) or 0.0
    if sm_clock_range_mhz(log, begin_ns, end_ns) > _DRIFT_MHZ and capped <= CAPPED_SHARE:
        found.append(Fault.CLOCK_DRIFT)
    return found + _clock_faults(log, begin_ns, end_ns)


def sm_clock_range_mhz(log: PowerLog, begin_ns: int, end_ns: int) -> float:
    """How far the readings of the SM clock lie apart, MHz; 0 where there are none."""
    clock = log.series(SM_CLOCK).between(begin_ns, end_ns).good()
    return float(np.ptp(clock.value)) if len(clock) else 0.0


def power_capped_share(log: PowerLog, begin_ns: int, end_ns: int) -> float | None:
    """Share of the window in which the power limit held the clocks down; None where unknown.

    It is no fault: large matrix products run at the limit, and that is what they cost.
    """
    return _throttled_share(log, *_POWER_CAP, begin_ns, end_ns)


def _counter_faults(counter: Series) -> list[Fault]:
    if not len(counter):
        return [Fault.NOT_RECORDED]
    codes = counter.code[counter.code != 0]
    if len(codes):
        return [CODES.get(int(codes[-1]), Fault.READ_FAILED)]
    return [Fault.COUNTER_RESET] if (np.diff(counter.value) < 0).any() else []


def power_limit_w(log: PowerLog) -> float | None:
    """The power limit that was last read, W; None where none was."""
    limits = log.series(POWER_LIMIT).good()
    return float(limits.value[-1]) / 1000 if len(limits) else None


def _power_faults(edges: Edges, limit_w: float | None) -> list[Fault]:
    """Whether any tick, however long it may have been, or the mean of all is beyond the bounds."""
    if limit_w is None or len(edges) < 2:
        return []
    least_w, most_w = (share * limit_w for share in _PLAUSIBLE)
    powers_w, lengths_ns = edges.powers_w(), np.diff(edges.time_ns)
    longest_ns = lengths_ns + (edges.width_ns[:-1] + edges.width_ns[1:]) / 2
    too_much = (powers_w * lengths_ns / longest_ns > most_w).any()
    too_little = np.average(powers_w, weights=lengths_ns) < least_w
    return [Fault.IMPLAUSIBLE] if too_much or too_little else []


def _frozen(log: PowerLog, begin_ns: int, end_ns: int) -> bool:
    power = log.series(POWER_INSTANT).between(begin_ns, end_ns).good()
    return frozen(power, log.series(TEMP_GPU).between(begin_ns, end_ns).good())


def frozen(power: Series, temperature: Series) -> bool:
    """Whether a power sensor repeats one value while the temperature (degC) moves by 2 or more."""
    if len(power) < _FROZEN_READINGS or not len(temperature):
        return False
    moved = float(np.ptp(temperature.value)) >= _FROZEN_RISE_C
    return moved and float(np.ptp(power.value)) == 0


def _throttled_share(
    log: PowerLog, accumulator: str, bit: int, begin_ns: int, end_ns: int
) -> float | None:
    """By the accumulator of throttled time, or by how often the bit is set: whichever is more.

    Some GPUs have no accumulator, and some have one that stays at 0.
    """
    shares = []
    times = log.series(accumulator).around(begin_ns, end_ns).good()
    if len(times) >= 2 and times.begin_ns[-1] > times.begin_ns[0]:
        passed_ns = times.begin_ns[-1] - times.begin_ns[0]
        shares.append(float((times.value[-1] - times.value[0]) / passed_ns))
    reasons = log.series(EVENT_REASONS).between(begin_ns, end_ns).good()
    if len(reasons):
        shares.append(float(np.mean(reasons.value.astype(np.int64) & bit != 0)))
    return max(shares, default=None)


def _clock_faults(log: PowerLog, begin_ns: int, end_ns: int) -> list[Fault]:
    """A suspension moves the boot clock against the log's own; the epoch then moves with it."""
    if _stepped(log.series(CLOCK_BOOT).around(begin_ns, end_ns)):
        return [Fault.SUSPENDED]
    stepped = _stepped(log.series(CLOCK_EPOCH).around(begin_ns, end_ns))
    return [Fault.CLOCK_STEPPED] if stepped else []


def _stepped(clock: Series) -> bool:
    """Beyond what slewing explains, and readings that took long: each is known to half of that."""
    half_ns = (clock.end_ns - clock.begin_ns) / 2
    allowed_ns = _CLOCK_STEP_NS + _SLEW * np.diff(clock.begin_ns) + half_ns[:-1] + half_ns[1:]
    return bool((np.abs(np.diff(clock_offset_ns(clock))) > allowed_ns).any())
