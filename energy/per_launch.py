"""Energy per launch: the whole way from the energy counter's readings to the mean over repeats.

`device/nvml.py` reads the counter; a power log holds its readings, one log for each load.

1. `steady_window`: the part of the load after its power settled, from edge to edge of the counter.
   An edge is the moment at which the counter changes.
2. `launches_in`: how many launches ended in that window.
3. `window_energy`: mean power between the outer edges, (E_last - E_first) / (t_last - t_first); and
   from it energy per launch = power x length of the window / launches.
4. `means_of_loads`: the mean over the loads of one size, with an interval from their spread.

Where the window holds a fault there is no energy but the reason: unmeasured is None, never 0.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from ..device.nvml import ENERGY, POWER_INSTANT, SM_CLOCK, TEMP_GPU
from ..stats.blocks import means_over_blocks
from ..stats.measured import Measured, disagreement
from ..store.flag import Flag, FlagCode
from ..store.provenance import EnergySource
from ..store.recording import Load, Recording, raw_file
from ..store.tables.schemas import SCHEMAS
from .counter import edge_to_edge_power_w
from .faults import (
    CAPPED_SHARE,
    SENSOR_FAULTS,
    WITHOUT_COUNTER,
    Fault,
    clock_drifts,
    faults,
    own_processes,
    power_capped_share,
    sm_clock_range_mhz,
)
from .load_flags import cold_input_flags, load_flags
from .power_log import POWER_LOG, PowerLog, read_power_log
from .power_meter import PowerMeter
from .power_samples import power_samples
from .readings import (
    MAX_DISAGREEMENT,
    mean_power_w,
    refreshes,
)
from .window import Window, steady_window, wide_edges

MIN_DUTY: Final = 0.98
NOT_BUSY: Final = f"the device was busy for less than {MIN_DUTY:.0%} of the load"
NOT_SETTLED: Final = "the power did not settle within the load"
_CLOCK_STEP_MHZ: Final = 15


@dataclass(frozen=True, slots=True)
class WindowEnergy:
    """Power and energy per launch in a window; both None together, with the same reason.

    `faults` lists every cause of a missing energy, `flags` what does not remove it. `power_peak_w`
    is the highest instant power, `temp_c` the mean temperature, each None where it was not read.
    With an external meter `sensor_power_w` is the power by the device's own sensor.
    """

    power_w: Measured
    energy_mj: Measured
    power_peak_w: float | None
    temp_c: float | None
    source: EnergySource
    faults: tuple[str, ...]
    flags: tuple[Flag, ...]
    sensor_power_w: float | None = None

    @property
    def reason(self) -> str | None:
        """Why there is no energy; None where there is one."""
        return self.energy_mj.reason

    @property
    def sensor_ratio(self) -> float | None:
        """Power by the device's sensor over power by the external meter; None without both."""
        meter_w = self.power_w.value
        return (
            self.sensor_power_w / meter_w if self.sensor_power_w is not None and meter_w else None
        )


@dataclass(frozen=True, slots=True)
class MeteredLoad:
    """A load and its energy per launch; `latency_us` is the time per launch, None when idle.

    `at_s` is the middle of its window, in s since the epoch. `doubt` says what disturbed the
    machine, `correction` by which share its power was corrected for drift (energy/drift).
    """

    load: Load
    cost: WindowEnergy
    latency_us: float | None
    at_s: float = 0.0
    sm_clock_mhz: float | None = None
    doubt: str | None = None
    correction: float = 0.0

    def flagged(self, flags: Sequence[Flag]) -> "MeteredLoad":
        """The load with more flags."""
        return replace(self, cost=replace(self.cost, flags=(*self.cost.flags, *flags)))


def metered_loads(
    folder: Path, recording: Recording, meter: PowerMeter | None = None
) -> tuple[list[MeteredLoad], pa.Table]:
    """Measure each load of a recording; also return its log as the table `power_samples`.

    Power is that of the external meter where one is given, else of the device's sensor. A load with
    empty kernels, which older versions recorded, is left out. Raises BadInput where the log is
    missing, changed, or no power log.
    """
    if not recording.loads:
        return [], SCHEMAS["power_samples"].empty_table()
    log = read_power_log(raw_file(folder, recording, POWER_LOG))
    processes = own_processes(recording.provenance)
    loads = [
        metered_load(log, load, processes, meter).flagged(cold_input_flags(load, recording))
        for load in recording.loads
        if load.kind != "empty"
    ]
    return loads, power_samples(log, recording.unit)


def metered_load(
    log: PowerLog, load: Load, processes: int, meter: PowerMeter | None = None
) -> MeteredLoad:
    """Measure one steady load; `processes` is the number of our own on the device."""
    window, settled = steady_window(log.series(ENERGY), load)
    launches = launches_in(load, window)
    found = window_energy(log, window, processes, launches, meter)
    reason = _not_steady(log, load, window, settled)
    cost = found if reason is None or found.reason is not None else _without(found, reason)
    latency_us = None if load.kind == "idle" else window.length_s * 1e6 / launches
    at_s = float(log.epoch_ns(np.array([window.begin_ns]))[0]) / 1e9 + window.length_s / 2
    metered = MeteredLoad(load, cost, latency_us, at_s, _over(log, SM_CLOCK, window, "mean", 1.0))
    return metered.flagged(load_flags(log, load, window, processes))


def launches_in(load: Load, window: Window) -> float:
    """Launches of a load that ended in a window; 1 for an idle load, which has none.

    The load says how many had ended at certain times; in between they count as evenly spaced.
    """
    counts = np.interp([window.begin_ns, window.end_ns], load.marks_ns, load.launches)
    return float(counts[1] - counts[0]) or 1.0


def window_energy(
    log: PowerLog,
    window: Window,
    processes: int,
    launches: float = 1.0,
    meter: PowerMeter | None = None,
) -> WindowEnergy:
    """Energy per launch in one window of a log; without `launches`, that of the whole window.

    `processes` is the number of our own that compute on the device. With a fault the energy is
    None, and the other readings are kept; a sensor's fault does not disturb an external meter.
    """
    instant = mean_power_w(refreshes(log.series(POWER_INSTANT)), window.begin_ns, window.end_ns)
    found = faults(log, window.begin_ns, window.end_ns, processes)
    sensor = _sensor_power(log, window, instant, found)
    power = sensor if meter is None else _meter_power(log, window, meter, found)
    return WindowEnergy(
        power_w=power.mean_w,
        energy_mj=power.mean_w.scaled(window.length_s * 1000 / launches),  # W x s x 1000 = mJ
        power_peak_w=_over(log, POWER_INSTANT, window, "max", 1e-3),
        temp_c=_over(log, TEMP_GPU, window, "mean", 1.0),
        source=power.source,
        faults=power.faults,
        flags=tuple(_window_flags(log, window, sensor.mean_w, instant)),
        sensor_power_w=None if meter is None else sensor.mean_w.value,
    )


def means_of_loads(sizes: Sequence[Sequence[Measured]]) -> list[Measured]:
    """Mean of one quantity over the loads of each size, which ran in different blocks.

    The relative spread is pooled over all sizes. A half width is at least that of the windows.
    """
    means = means_over_blocks([[one.value for one in loads] for loads in sizes])
    return [
        replace(mean, ci95=max(filter(None, (mean.ci95, _of_windows(loads))), default=None))
        for loads, mean in zip(sizes, means, strict=True)
    ]


def _of_windows(loads: Sequence[Measured]) -> float | None:
    """Half width of the mean over loads, from the half width of each; None where one has none."""
    halves = [one.ci95 for one in loads if one.value is not None]
    if not halves or None in halves:
        return None
    return math.hypot(*(half for half in halves if half is not None)) / len(halves)


@dataclass(frozen=True, slots=True)
class _Power:
    """Mean power of a window, W, what measured it, and the faults that left none."""

    mean_w: Measured
    source: EnergySource
    faults: tuple[Fault, ...]


def _sensor_power(
    log: PowerLog, window: Window, instant: Measured, found: Sequence[Fault]
) -> _Power:
    """Power by the energy counter; by instant power where NVML has no counter for this GPU."""
    if found and found[0] in WITHOUT_COUNTER and instant.value is not None:
        return _power(log, instant, EnergySource.NVML_POWER, found[1:])
    power = edge_to_edge_power_w(log.series(ENERGY), window.begin_ns, window.end_ns)
    is_rapl = log.sensor == "rapl"
    source = EnergySource.RAPL if is_rapl else EnergySource.NVML_COUNTER
    return _power(log, power, source, found)


def _meter_power(
    log: PowerLog, window: Window, meter: PowerMeter, found: Sequence[Fault]
) -> _Power:
    """Power by an external meter, which faults of the device's own sensor do not disturb."""
    power = meter.mean_power_w(*log.epoch_ns(np.array([window.begin_ns, window.end_ns])))
    found = [one for one in found if one not in SENSOR_FAULTS]
    return _power(log, power, EnergySource.EXTERNAL_METER, found)


def _power(log: PowerLog, power: Measured, source: EnergySource, found: Sequence[Fault]) -> _Power:
    """Put the first fault in place of the power, and name the source."""
    mean_w = Measured(None, None, power.n, found[0]) if found else power
    if mean_w.value is None:
        return _Power(mean_w, EnergySource.UNAVAILABLE, tuple(found))
    return _Power(mean_w, EnergySource.SIMULATED if log.simulated else source, tuple(found))


def _not_steady(log: PowerLog, load: Load, window: Window, settled: bool) -> str | None:
    """Why a load without a fault still has no energy; None where it has."""
    if load.kind != "idle" and clock_drifts(log, window.begin_ns, window.end_ns):
        return Fault.CLOCK_DRIFT
    if not settled and len(log.series(ENERGY).good()):
        return NOT_SETTLED
    return NOT_BUSY if load.duty is not None and load.duty < MIN_DUTY else None


def _without(cost: WindowEnergy, reason: str) -> WindowEnergy:
    none = Measured(None, None, cost.power_w.n, reason)
    return replace(cost, power_w=none, energy_mj=none, source=EnergySource.UNAVAILABLE)


def _over(log: PowerLog, name: str, window: Window, how: str, scale: float) -> float | None:
    values = log.series(name).between(window.begin_ns, window.end_ns).good().value
    return float(getattr(values, how)()) * scale if len(values) else None


def _window_flags(log: PowerLog, window: Window, power: Measured, instant: Measured) -> list[Flag]:
    flags = []
    if (wide := wide_edges(log.series(ENERGY), window)) is not None:
        flags.append(Flag(FlagCode.WIDE_EDGES, wide))
    share = power_capped_share(log, window.begin_ns, window.end_ns)
    if share is not None and share > CAPPED_SHARE:
        words = f"power limit held the clocks down for {share:.0%} of the window"
        flags.append(Flag(FlagCode.POWER_CAPPED, words))
    moved_mhz = sm_clock_range_mhz(log, window.begin_ns, window.end_ns)
    if moved_mhz > _CLOCK_STEP_MHZ:
        flags.append(Flag(FlagCode.CLOCK_MOVED, f"the SM clock moved by {moved_mhz:.0f} MHz"))
    ratio = disagreement(instant, power)
    if ratio is not None and abs(ratio) > MAX_DISAGREEMENT:
        words = f"instant power differs from the energy counter by {ratio:+.1%}"
        flags.append(Flag(FlagCode.POWER_SOURCES_DIFFER, words))
    return flags
