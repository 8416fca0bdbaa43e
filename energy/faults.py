"""Faults of a window of a power log: conditions of the GPU and its host that leave no energy.

With a fault either the energy was not measured, or something else than the load was. A condition
that only makes the energy less certain is a flag (store/flag.py).

Where NVML loses the GPU, every reading has the code GPU_IS_LOST from then on. The recording goes on
and keeps the codes (profiler/power/sensor_reader.py); the load that it covers gives no energy for
the reason GPU_LOST, is recorded as failed, and `profile --resume` runs it again
(profiler/power/block.py). Times are measured without NVML and stay.
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
    NvmlCode,
)
from ..store.provenance import Provenance
from .counter import Edges, counter_edges
from .power_log import CLOCK_BOOT, CLOCK_EPOCH, PowerLog, Series, clock_offset_ns

_THROTTLED_SHARE: Final = 0.01  # share of the window that may be throttled
CAPPED_SHARE: Final = 0.01  # share of the window that may be at the power limit
_DRIFT_MHZ: Final = 60  # four steps of the SM clock; temperature alone moves it by one or two
_CLOCK_STEP_NS: Final = 1_000_000
_SLEW: Final = 500e-6  # the fastest that a host adjusts its clock without a step (adjtimex)
_PLAUSIBLE: Final = (0.01, 1.3)  # power over power limit: no GPU idles below or draws above
_FROZEN_READINGS: Final = 20
_FROZEN_RISE_C: Final = 2


class Fault(StrEnum):
    """Why a window has no energy."""

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


_FAULT_OF_CODE: Final[dict[int, Fault]] = {
    NvmlCode.NOT_SUPPORTED: Fault.NOT_SUPPORTED,
    NvmlCode.NO_PERMISSION: Fault.NO_PERMISSION,
    NvmlCode.FUNCTION_NOT_FOUND: Fault.TOO_OLD,
    NvmlCode.GPU_IS_LOST: Fault.GPU_LOST,
}
# Faults with which instant power is used in place of the counter.
WITHOUT_COUNTER: Final = frozenset({Fault.NOT_SUPPORTED, Fault.TOO_OLD})
# Faults of the device's own sensors, which do not disturb an external meter.
SENSOR_FAULTS: Final = frozenset(
    {
        *_FAULT_OF_CODE.values(),
        Fault.READ_FAILED,
        Fault.COUNTER_RESET,
        Fault.IMPLAUSIBLE,
        Fault.POWER_FROZEN,
    }
)
# Accumulator of throttled time, and the bit of the event reasons for the same (nvml.h).
_THROTTLES: Final = {
    Fault.THERMAL_THROTTLING: (("throttle_sw_thermal_ns", 0x20), ("throttle_hw_thermal_ns", 0x40)),
    Fault.POWER_BRAKE: (("throttle_power_brake_ns", 0x80),),
}
_POWER_CAP: Final = ("throttle_power_cap_ns", 0x4)


def fault_of(code: int) -> Fault:
    """The fault for a return code of NVML other than success."""
    return _FAULT_OF_CODE.get(code, Fault.READ_FAILED)


def own_processes(provenance: Provenance) -> int:
    """Number of compute processes that a load of moeprof has on the device, as NVML counts them."""
    return 0 if provenance.gpu is None else 1


def faults(log: PowerLog, begin_ns: int, end_ns: int, processes: int) -> list[Fault]:
    """Every fault of the window [begin_ns, end_ns] on the log's clock, the gravest first.

    `processes` is the number of moeprof's own processes that compute on the GPU.
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
    return found + _clock_faults(log, begin_ns, end_ns)


def clock_drifts(log: PowerLog, begin_ns: int, end_ns: int) -> bool:
    """Whether the SM clock moved and no power limit held it down: CLOCK_DRIFT.

    It is a fault of a steady load alone: in idle a clock falls from 1980 to 345 MHz, and so it may
    in the pauses of a mixed workload.
    """
    capped = power_capped_share(log, begin_ns, end_ns) or 0.0
    return sm_clock_range_mhz(log, begin_ns, end_ns) > _DRIFT_MHZ and capped <= CAPPED_SHARE


def sm_clock_range_mhz(log: PowerLog, begin_ns: int, end_ns: int) -> float:
    """Highest minus lowest reading of the SM clock, MHz; 0 where there are none."""
    clock = log.series(SM_CLOCK).between(begin_ns, end_ns).good()
    return float(np.ptp(clock.value)) if len(clock) else 0.0


def power_capped_share(log: PowerLog, begin_ns: int, end_ns: int) -> float | None:
    """Share of the window in which the power limit held the clocks down; None where unknown.

    It is no fault: large matrix products always run at the limit.
    """
    return _throttled_share(log, *_POWER_CAP, begin_ns, end_ns)


def _counter_faults(counter: Series) -> list[Fault]:
    if not len(counter):
        return [Fault.NOT_RECORDED]
    codes = counter.code[counter.code != NvmlCode.SUCCESS]
    if len(codes):
        return [fault_of(int(codes[-1]))]
    return [Fault.COUNTER_RESET] if (np.diff(counter.value) < 0).any() else []


def power_limit_w(log: PowerLog) -> float | None:
    """The last power limit in the log, W; None where it was never read."""
    limits = log.series(POWER_LIMIT).good()
    return float(limits.value[-1]) / 1000 if len(limits) else None


def _power_faults(edges: Edges, limit_w: float | None) -> list[Fault]:
    """IMPLAUSIBLE where a tick's power is too high for any GPU, or the mean of all ticks too low.

    The power of a tick is that at its longest possible length. Without a power limit nothing is
    implausible.
    """
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
    """Whether 20 readings of power or more are equal while the temperature moves by 2 degC."""
    if len(power) < _FROZEN_READINGS or not len(temperature):
        return False
    moved = float(np.ptp(temperature.value)) >= _FROZEN_RISE_C
    return moved and float(np.ptp(power.value)) == 0


def _throttled_share(
    log: PowerLog, accumulator: str, bit: int, begin_ns: int, end_ns: int
) -> float | None:
    """Share of the window by the accumulator of throttled time or by the bit, whichever is larger.

    Some GPUs have no accumulator, and on some it stays at 0. None without either reading.
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
    """SUSPENDED or CLOCK_STEPPED: a suspension moves both clocks, a step only the epoch clock."""
    if _stepped(log.series(CLOCK_BOOT).around(begin_ns, end_ns)):
        return [Fault.SUSPENDED]
    stepped = _stepped(log.series(CLOCK_EPOCH).around(begin_ns, end_ns))
    return [Fault.CLOCK_STEPPED] if stepped else []


def _stepped(clock: Series) -> bool:
    """Whether a clock moved against the log's by more than slewing and slow readings explain.

    The time of a reading is uncertain by half the duration of its call.
    """
    half_ns = (clock.end_ns - clock.begin_ns) / 2
    allowed_ns = _CLOCK_STEP_NS + _SLEW * np.diff(clock.begin_ns) + half_ns[:-1] + half_ns[1:]
    return bool((np.abs(np.diff(clock_offset_ns(clock))) > allowed_ns).any())
