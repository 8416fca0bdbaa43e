"""An external power meter's CSV, and what its clock is behind or ahead of the sensor's.

A meter has a clock of its own. Where the load steps, both see the step: the lag at which the
changes of both signals agree best is the difference of their clocks, plus the sensor's own delay.
A load that repeats itself within that lag cannot tell, and then nothing is aligned.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.signal import correlate, correlation_lags
from scipy.special import stdtrit

from ..stats.arrays import Float64
from ..store.errors import BadInput
from .counter import Measured

_SECONDS: Final = {"time_ns": 1e-9, "time_us": 1e-6, "time_ms": 1e-3, "time_s": 1.0, "t_s": 1.0}
_HOW_NUMBERS: Final = "write decimal points, or commas and semicolons between the columns"
_GRID_S: Final = 0.005
_SMOOTH_S: Final = 0.1  # a refresh of the slower signal: its stairs are no load edges
_CLEAR: Final = 0.6  # correlation of the changes that counts as the same load
_RIVAL: Final = 0.8  # of the best, above which another lag may as well be the right one
_APART_S: Final = 0.2  # lags closer than this are the same peak
_PARTS: Final = 10  # of a window, whose scatter gives the interval
_MIN_READINGS: Final = 8
_GAP_S: Final = 0.5  # between two readings of the sensor: what happened in there it cannot tell
_GAP_PERIODS: Final = 3.5  # of a meter: two readings in a row may be missing
_MIN_GAP_S: Final = 0.02  # which no gap is below: too short to reach from idle into a load
_MIN_SEEN: Final = 1e-6  # of the meter's changes, below which a lag leaves it nothing to match


@dataclass(frozen=True, slots=True)
class PowerTrace:
    """Power over time, both float64 of shape (n,): `time_s` on any clock, increasing."""

    time_s: Float64
    power_w: Float64


def read_meter(path: Path) -> PowerTrace:
    """Read a meter's CSV: one column of time and one of power, named with their units.

    Time is time_s, time_ms, time_us, time_ns or t_s; power is the one column that ends in _w (any
    case). Columns are apart by commas, or by semicolons or tabs, and then a number may have a
    decimal comma. A row without a number is left out; of rows at the same time, the mean counts.
    Raises BadInput where a column is missing, most rows hold no number, or time goes backwards.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            head = file.readline()
            file.seek(0)
            mark = next((mark for mark in ";\t" if mark in head), ",")
            table = pd.read_csv(file, sep=mark, low_memory=False)
    except OSError as error:
        raise BadInput(f"cannot read {path}: {(error.strerror or '').lower()}") from error
    except ValueError as error:
        raise BadInput(f"{path} is not CSV: {error}") from error
    time = [name for name in table.columns if name.lower() in _SECONDS]
    power = [name for name in table.columns if name.lower().endswith("_w")]
    if len(time) != 1 or len(power) != 1:
        raise BadInput(
            f"{path} has {len(time)} columns of time and {len(power)} of power, and needs one each",
            hint="name them time_s (or time_ms, time_us, time_ns) and power_w",
        )
    if not isinstance(table.index, pd.RangeIndex):
        raise BadInput(
            f"{path} has rows of more columns than its first line names",
            hint=_HOW_NUMBERS,
        )
    seconds = _numbers(table[time[0]], mark) * _SECONDS[time[0].lower()]
    return _trace(path, seconds, _numbers(table[power[0]], mark))


def _numbers(column: "pd.Series[Any]", mark: str) -> Float64:
    """The numbers of a column, NaN where there is none."""
    if mark != "," and not pd.api.types.is_numeric_dtype(column):
        column = column.str.replace(",", ".")
    return pd.to_numeric(column, errors="coerce").to_numpy(np.float64)


def _trace(path: Path, seconds: Float64, watts: Float64) -> PowerTrace:
    """The rows that hold two numbers, those at one time as one."""
    whole = np.isfinite(seconds) & np.isfinite(watts)
    if 2 * whole.sum() <= len(whole):
        raise BadInput(
            f"{path} holds a time and a power in {whole.sum()} of {len(whole)} rows, not in most",
            hint=_HOW_NUMBERS,
        )
    seconds, watts = seconds[whole], watts[whole]
    if (np.diff(seconds) < 0).any():
        row = int(np.argmax(np.diff(seconds) < 0))
        raise BadInput(f"{path} goes backwards in time, after {seconds[row]:.3f} s")
    times, first, n = np.unique(seconds, return_index=True, return_counts=True)
    if len(times) < 2:
        raise BadInput(f"{path} needs readings at two times or more")
    return PowerTrace(times, np.add.reduceat(watts, first) / n)


def lag_s(sensor: PowerTrace, meter: PowerTrace, longest_s: float) -> float | None:
    """How much later the sensor shows a load edge than the meter, each on its own clock, s.

    Subtract it from the sensor's times to have the meter's. Where the sensor was not read for half
    a second, and before and after it was, the meter's edges do not count. None where no lag within
    `longest_s` (which may be infinite) fits, or where more than one does: a periodic load, or none.
    """
    known = _known(sensor)
    one, other = np.where(known, _edges(sensor), 0.0), _edges(meter)
    if not one.any() or not other.any():
        return None
    seen = np.maximum(correlate(known, other**2, mode="full"), _MIN_SEEN * (other**2).sum())
    match = correlate(one, other, mode="full") / np.sqrt((one**2).sum() * seen)
    lags = correlation_lags(len(one), len(other)) * _GRID_S + (sensor.time_s[0] - meter.time_s[0])
    match = np.where(np.abs(lags) <= longest_s, match, 0)
    best = int(np.argmax(match))
    rivals = match[np.abs(lags - lags[best]) > _APART_S]
    if match[best] < _CLEAR or (len(rivals) and rivals.max() > _RIVAL * match[best]):
        return None
    return float(lags[best])


def meter_power_w(meter: PowerTrace, begin_s: float, end_s: float) -> Measured:
    """Mean power over a window on the meter's clock, of the readings that lie wholly inside it.

    A reading stands for the time half-way to its neighbours. The interval is that of the mean of 10
    equal parts, or of fewer with two readings each. The meter's own gain is not in it.
    """
    if begin_s < meter.time_s[0] or end_s > meter.time_s[-1]:
        return Measured(None, None, 0, "the meter does not cover the window")
    last_before = np.searchsorted(meter.time_s, begin_s, side="right") - 1
    first_after = np.searchsorted(meter.time_s, end_s)
    apart_s = np.diff(meter.time_s[last_before : first_after + 1])
    period_s = float(np.median(apart_s))
    if apart_s.max() > max(_GAP_PERIODS * period_s, _MIN_GAP_S):
        return Measured(None, None, 0, "the meter has a gap in the window")
    first, last = np.searchsorted(meter.time_s, [begin_s + period_s / 2, end_s - period_s / 2])
    n = max(int(last - first), 0)
    if n < _MIN_READINGS:
        return Measured(None, None, n, "too few meter readings in the window")
    power_w, length_s = meter.power_w[first:last], np.gradient(meter.time_s[first:last])
    parts = min(_PARTS, n // 2)
    begins = np.arange(parts) * n // parts
    of_parts_w = np.add.reduceat(power_w * length_s, begins) / np.add.reduceat(length_s, begins)
    error_w = float(np.std(of_parts_w, ddof=1)) / math.sqrt(parts)
    mean_w = float(np.average(power_w, weights=length_s))
    return Measured(mean_w, float(stdtrit(parts - 1, 0.975)) * error_w, n)


def _known(sensor: PowerTrace) -> Float64:
    """Where the sensor was read, on the grid of its edges but for the last: 1, else 0."""
    grid = _grid(sensor)[:-1]
    after = np.clip(np.searchsorted(sensor.time_s, grid), 1, len(sensor.time_s) - 1)
    gap_s = sensor.time_s[after] - sensor.time_s[after - 1]
    return np.where(gap_s > _GAP_S, 0.0, 1.0)


def _grid(trace: PowerTrace) -> Float64:
    return np.arange(trace.time_s[0], trace.time_s[-1], _GRID_S)


def _edges(trace: PowerTrace) -> Float64:
    """Changes of power on an even grid, after a moving mean that hides a sensor's stairs."""
    grid = _grid(trace)
    width = round(_SMOOTH_S / _GRID_S)
    power = np.interp(grid, trace.time_s, trace.power_w)
    smooth = np.convolve(power, np.full(width, 1 / width), mode="valid")
    return np.diff(np.pad(smooth, (width // 2, width - 1 - width // 2), mode="edge"))
