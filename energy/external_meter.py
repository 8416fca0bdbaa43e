"""An external meter beside a power pass: its clock brought to the sensors', its power in theirs.

The device's own sensor still says when a load had settled and what disturbed it; how much power
that was, the meter says. A sensor that could not be read costs nothing then.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ..device.nvml import ENERGY
from ..stats.arrays import Float64
from ..store.errors import BadInput
from .counter import counter_edges
from .faults import CODES, Fault
from .meter_file import PowerTrace, lag_s, meter_power_w, read_meter
from .power_log import PowerLog
from .power_samples import power_samples
from .window import Window, WindowEnergy

SOURCE: Final = "external_meter"
_MAX_S: Final = 10.0  # that two clocks which both count from the epoch may lie apart
_ENDS_S: Final = 40.0  # of a pass, at its beginning and its end: their lags tell a clock's rate
_MAX_DRIFT: Final = 2e-3  # of a clock: more than any that keeps time
_MIN_PASS_S: Final = 1.0
_MAX_PASS_S: Final = 12 * 3600.0  # that is aligned at once: it is held in memory
_OF_THE_SENSOR: Final = frozenset(
    {
        *CODES.values(),
        Fault.READ_FAILED,
        Fault.COUNTER_RESET,
        Fault.IMPLAUSIBLE,
        Fault.POWER_FROZEN,
    }
)


@dataclass(frozen=True, slots=True)
class PowerMeter:
    """A meter's power, and by how much the sensors' epoch is ahead of its clock, s."""

    trace: PowerTrace
    lag_s: float


def align(path: Path, logs: Iterable[PowerLog]) -> PowerMeter:
    """Read a meter's CSV and align it with the logs of a power pass, by the edges of their loads.

    Where no one lag fits, its clock may be faster or slower than the sensors' by up to 0.2 %.
    Raises BadInput where the file is none of a meter, where there is nothing to align it with, and
    where no lag fits or more than one does.
    """
    meter, sensor = read_meter(path), _joined(logs)
    overlaps = meter.time_s[0] < sensor.time_s[-1] and sensor.time_s[0] < meter.time_s[-1]
    longest_s = _MAX_S if overlaps else np.inf
    lag = lag_s(sensor, meter, longest_s)
    if lag is None:
        meter = _as_fast(sensor, meter, longest_s)
        lag = lag_s(sensor, meter, longest_s)
    if lag is None:
        raise BadInput(
            f"{path} cannot be aligned with the run's loads: no lag of its clock fits, or several",
            hint="record the device alone and the whole power pass, at 20 readings a second or"
            f" more, by a clock that is right to {_MAX_DRIFT:.1%}",
        )
    return PowerMeter(meter, lag)


def by_meter(cost: WindowEnergy, log: PowerLog, window: Window, meter: PowerMeter) -> WindowEnergy:
    """What the window of a log cost by the meter; faults that are the sensor's own do not count."""
    bounds_ns = log.epoch_ns(np.array([window.begin_ns, window.end_ns]))
    begin_s, end_s = bounds_ns / 1e9 - meter.lag_s
    power = meter_power_w(meter.trace, float(begin_s), float(end_s))
    found = tuple(fault for fault in cost.faults if fault not in _OF_THE_SENSOR)
    if found:
        power = replace(power, value=None, ci95=None, reason=found[0])
    source = "simulated" if log.simulated else SOURCE
    return replace(
        cost,
        power_w=power,
        energy_mj=power.scaled(window.length_s * 1000 / window.launches),
        source="unavailable" if power.value is None else source,
        faults=found,
    )


def _as_fast(sensor: PowerTrace, meter: PowerTrace, longest_s: float) -> PowerTrace:
    """The meter on a clock as fast as the sensors', by its lags at both ends of the pass.

    As it was, where they do not tell.
    """
    begin_s, end_s = sensor.time_s[0] + _ENDS_S, sensor.time_s[-1] - _ENDS_S
    ends = [sensor.time_s <= begin_s, sensor.time_s >= end_s]
    lags = [lag_s(_part(sensor, end), meter, longest_s) for end in ends if begin_s < end_s]
    if not lags or lags[0] is None or lags[1] is None:
        return meter
    first_s, last_s = begin_s - _ENDS_S / 2 - lags[0], end_s + _ENDS_S / 2 - lags[1]
    drift = (lags[1] - lags[0]) / max(last_s - first_s, _ENDS_S)
    if abs(drift) > _MAX_DRIFT:
        return meter
    return replace(meter, time_s=meter.time_s + drift * (meter.time_s - first_s))


def _part(trace: PowerTrace, which: npt.NDArray[np.bool_]) -> PowerTrace:
    return PowerTrace(trace.time_s[which], trace.power_w[which])


def _joined(logs: Iterable[PowerLog]) -> PowerTrace:
    """The power of some logs as one trace, its times since the epoch."""
    pieces = [_power(log) for log in logs]
    time_ns = np.concatenate([np.zeros(0), *(time_ns for time_ns, _ in pieces)])
    power_w = np.concatenate([np.zeros(0), *(power_w for _, power_w in pieces)])
    times_ns, first = np.unique(time_ns, return_index=True)
    if not len(times_ns) or times_ns[-1] - times_ns[0] < _MIN_PASS_S * 1e9:
        raise BadInput(
            "the run holds no power over time that a meter could be aligned with",
            hint="profile with power, and let the meter record meanwhile",
        )
    span_s = float(times_ns[-1] - times_ns[0]) / 1e9
    if span_s > _MAX_PASS_S:
        raise BadInput(
            f"the run's loads lie {span_s / 3600:.0f} hours apart, and a meter is aligned over"
            f" {_MAX_PASS_S / 3600:.0f} at most",
            hint="profile anew, without a pause, and let the meter record meanwhile",
        )
    return PowerTrace(times_ns / 1e9, power_w[first])


def _power(log: PowerLog) -> tuple[npt.NDArray[np.int64], Float64]:
    """Times since the epoch, ns, and power, W: instant, or the means between a counter's edges."""
    samples = power_samples(log, None)
    if len(samples):
        return samples["time_ns"].to_numpy(), samples["power_w"].to_numpy()
    edges = counter_edges(log.series(ENERGY))
    middle_ns = (edges.time_ns[1:] + edges.time_ns[:-1]) / 2
    return log.epoch_ns(middle_ns.astype(np.int64)), edges.powers_w()
