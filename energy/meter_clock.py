"""The difference between an external meter's clock and the sensors', found at the edges of loads.

Where a load begins or ends, the meter and the device's sensor both see the power step. The lag at
which the changes of both signals correlate best is the difference of the clocks, plus the delay of
the sensor. A load that repeats itself has several such lags, and then no lag is chosen.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ..device.nvml import ENERGY
from ..stats.arrays import Float64, Int64
from ..store.errors import BadInput
from ..store.recorded.held import Recordings
from ..store.recording import CollectorName, raw_file
from .counter import counter_edges
from .power_log import POWER_LOG, PowerLog, read_power_log
from .power_meter import PowerMeter, PowerTrace, read_meter
from .power_samples import power_samples

METER_FILE: Final = "meter.csv"  # name of the file in a recording's folder
_GRID_S: Final = 0.005
_SMOOTH_S: Final = 0.1  # the update period of the slower signal, whose refreshes are no load edges
_MIN_CORRELATION: Final = 0.6
_RIVAL: Final = 0.8  # correlation over the best one at which another lag is as likely
_APART_S: Final = 0.2  # lags closer than this belong to the same peak
_GAP_S: Final = 0.5  # longest time between two readings of the sensor that it can be compared over
_MIN_SEEN: Final = 1e-6  # least share of the meter's changes that a lag must compare
_MAX_LAG_S: Final = 10.0  # largest lag of two clocks that both count from the epoch
_ENDS_S: Final = 40.0  # length of the first and the last part of a pass, to compare clock rates
_MAX_RATE_ERROR: Final = 2e-3
_MIN_PASS_S: Final = 1.0
_MAX_PASS_S: Final = 12 * 3600.0  # a pass is aligned in memory as a whole


def run_meter(recordings: Recordings) -> PowerMeter | None:
    """The aligned meter of a run's recordings, each with its folder; None where it has no meter.

    Raises BadInput where the meter's file is missing or changed, or cannot be aligned.
    """
    for folder, recording in recordings:
        if recording.collector == CollectorName.METER:
            return align(raw_file(folder, recording, METER_FILE), power_logs(recordings))
    return None


def power_logs(recordings: Recordings) -> Iterable[PowerLog]:
    """The logs of all loads of a run, one after the other."""
    for folder, recording in recordings:
        if recording.collector == CollectorName.POWER and recording.loads:
            yield read_power_log(raw_file(folder, recording, POWER_LOG))


def align(path: Path, logs: Iterable[PowerLog]) -> PowerMeter:
    """Read a meter's CSV and align its clock with the logs of a power pass.

    Where no single lag fits, the meter's clock may be faster or slower than the sensors' by up to
    0.2 %. Raises BadInput where the file is no meter's, where the logs hold no power, and where no
    lag fits or more than one does.
    """
    meter, sensor = read_meter(path), _sensor_trace(logs)
    overlaps = meter.time_s[0] < sensor.time_s[-1] and sensor.time_s[0] < meter.time_s[-1]
    longest_s = _MAX_LAG_S if overlaps else np.inf
    lag = lag_s(sensor, meter, longest_s)
    if lag is None:
        meter = _at_sensors_rate(sensor, meter, longest_s)
        lag = lag_s(sensor, meter, longest_s)
    if lag is None:
        raise BadInput(
            f"{path} cannot be aligned with the run's loads: no lag of its clock fits, or several",
            hint="record the device alone and the whole power pass, at 20 readings a second or"
            f" more, by a clock that is right to {_MAX_RATE_ERROR:.1%}",
        )
    return PowerMeter(meter, lag)


def lag_s(sensor: PowerTrace, meter: PowerTrace, longest_s: float) -> float | None:
    """How much later the sensor shows a load edge than the meter, each on its own clock, s.

    Subtract it from the sensor's times to get the meter's. Edges of the meter do not count where
    the sensor was not read for half a second. None where no lag within `longest_s` (which may be
    infinite) correlates, or where more than one does, as with a periodic load.
    """
    known = _known(sensor)
    one, other = np.where(known, _changes(sensor), 0.0), _changes(meter)
    if not one.any() or not other.any():
        return None
    lags, match = _correlation(one, other, known)
    lags = lags * _GRID_S + (sensor.time_s[0] - meter.time_s[0])
    match = np.where(np.abs(lags) <= longest_s, match, 0)
    best = int(np.argmax(match))
    rivals = match[np.abs(lags - lags[best]) > _APART_S]
    if match[best] < _MIN_CORRELATION or (len(rivals) and rivals.max() > _RIVAL * match[best]):
        return None
    return float(lags[best])


def _correlation(one: Float64, other: Float64, known: Float64) -> tuple[Int64, Float64]:
    """Lags in steps of the grid, and the normalised correlation at each."""
    from scipy.signal import (  # slow to import, and few runs have a meter
        correlate,
        correlation_lags,
    )

    seen = np.maximum(correlate(known, other**2, mode="full"), _MIN_SEEN * (other**2).sum())
    match: Float64 = correlate(one, other, mode="full") / np.sqrt((one**2).sum() * seen)
    return correlation_lags(len(one), len(other)), match


def _at_sensors_rate(sensor: PowerTrace, meter: PowerTrace, longest_s: float) -> PowerTrace:
    """The meter's trace on a clock as fast as the sensors', by the lags at both ends of the pass.

    Unchanged where those lags are unknown, or differ by more than 0.2 % of the time between them.
    """
    begin_s, end_s = sensor.time_s[0] + _ENDS_S, sensor.time_s[-1] - _ENDS_S
    ends = [sensor.time_s <= begin_s, sensor.time_s >= end_s]
    lags = [lag_s(_part(sensor, end), meter, longest_s) for end in ends if begin_s < end_s]
    if not lags or lags[0] is None or lags[1] is None:
        return meter
    first_s, last_s = begin_s - _ENDS_S / 2 - lags[0], end_s + _ENDS_S / 2 - lags[1]
    rate_error = (lags[1] - lags[0]) / max(last_s - first_s, _ENDS_S)
    if abs(rate_error) > _MAX_RATE_ERROR:
        return meter
    return replace(meter, time_s=meter.time_s + rate_error * (meter.time_s - first_s))


def _part(trace: PowerTrace, which: npt.NDArray[np.bool_]) -> PowerTrace:
    return PowerTrace(trace.time_s[which], trace.power_w[which])


def _known(sensor: PowerTrace) -> Float64:
    """1 where the sensor was read, else 0, at each change of `_changes`."""
    grid = _grid(sensor)[:-1]
    after = np.clip(np.searchsorted(sensor.time_s, grid), 1, len(sensor.time_s) - 1)
    gap_s = sensor.time_s[after] - sensor.time_s[after - 1]
    return np.where(gap_s > _GAP_S, 0.0, 1.0)


def _grid(trace: PowerTrace) -> Float64:
    return np.arange(trace.time_s[0], trace.time_s[-1], _GRID_S)


def _changes(trace: PowerTrace) -> Float64:
    """Changes of power from one grid point to the next, after a moving mean of 0.1 s."""
    grid = _grid(trace)
    width = round(_SMOOTH_S / _GRID_S)
    power = np.interp(grid, trace.time_s, trace.power_w)
    smooth = np.convolve(power, np.full(width, 1 / width), mode="valid")
    return np.diff(np.pad(smooth, (width // 2, width - 1 - width // 2), mode="edge"))


def _sensor_trace(logs: Iterable[PowerLog]) -> PowerTrace:
    """The power of all logs as one trace, its times since the epoch."""
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


def _power(log: PowerLog) -> tuple[Int64, Float64]:
    """Times since the epoch, ns, and power, W: instant power, or that between counter edges."""
    samples = power_samples(log, None)
    if len(samples):
        return samples["time_ns"].to_numpy(), samples["power_w"].to_numpy()
    edges = counter_edges(log.series(ENERGY))
    middle_ns = (edges.time_ns[1:] + edges.time_ns[:-1]) / 2
    return log.epoch_ns(middle_ns.astype(np.int64)), edges.powers_w()
