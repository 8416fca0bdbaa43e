"""An external power meter's CSV, and what its clock is behind or ahead of the sensor's.

A meter has a clock of its own. Where the load steps, both see the step: the lag at which the
changes of both signals agree best is the difference of their clocks, plus the sensor's own delay.
A load that repeats itself within that lag cannot tell, and then nothing is aligned.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.signal import correlate, correlation_lags
from scipy.special import stdtrit

from ..store.errors import BadInput
from .energy import Estimate

_SECONDS: Final = {"time_ns": 1e-9, "time_us": 1e-6, "time_ms": 1e-3, "time_s": 1.0, "t_s": 1.0}
_GRID_S: Final = 0.005
_SMOOTH_S: Final = 0.1  # a refresh of the slower signal: its stairs are no load edges
_CLEAR: Final = 0.6  # correlation of the changes that counts as the same load
_RIVAL: Final = 0.8  # of the best, above which another lag may as well be the right one
_APART_S: Final = 0.2  # lags closer than this are the same peak
_BATCHES: Final = 20
_GAP_S: Final = 0.5  # between two readings of the sensor: what happened in there it cannot tell
_LEAST_SEEN: Final = 1e-6  # of the meter's changes, below which a lag leaves it nothing to match

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PowerTrace:
    """Power over time, both float64 of shape (n,): `time_s` on any clock, increasing."""

    time_s: Floats
    power_w: Floats


def read_meter(path: Path) -> PowerTrace:
    """Read a meter's CSV: one column of time and one of power, named with their units.

    Time is time_s, time_ms, time_us, time_ns or t_s; power is the one column that ends in _w (any
    case). Raises BadInput where a column is missing or holds no number, or time does not increase.
    """
    try:
        table = pd.read_csv(path)
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
    try:
        seconds = table[time[0]].to_numpy(np.float64) * _SECONDS[time[0].lower()]
        watts = table[power[0]].to_numpy(np.float64)
    except ValueError as error:
        raise BadInput(f"{path} holds something that is no number: {error}") from error
    if len(seconds) < 2 or not np.isfinite(watts).all() or not (np.diff(seconds) > 0).all():
        raise BadInput(f"{path} needs two rows or more, finite powers, and times that increase")
    return PowerTrace(seconds, watts)


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
    seen = np.maximum(correlate(known, other**2, mode="full"), _LEAST_SEEN * (other**2).sum())
    match = correlate(one, other, mode="full") / np.sqrt((one**2).sum() * seen)
    lags = correlation_lags(len(one), len(other)) * _GRID_S + (sensor.time_s[0] - meter.time_s[0])
    match = np.where(np.abs(lags) <= longest_s, match, 0)
    best = int(np.argmax(match))
    rivals = match[np.abs(lags - lags[best]) > _APART_S]
    if match[best] < _CLEAR or (len(rivals) and rivals.max() > _RIVAL * match[best]):
        return None
    return float(lags[best])


def meter_power_w(meter: PowerTrace, begin_s: float, end_s: float) -> Estimate:
    """Mean power over a window on the meter's clock: its integral over its length.

    The interval is that of the mean of 20 equal parts. The meter's own gain is not in it.
    """
    if begin_s < meter.time_s[0] or end_s > meter.time_s[-1]:
        return Estimate(None, None, 0, "the meter does not cover the window")
    inside = (meter.time_s > begin_s) & (meter.time_s < end_s)
    n = int(inside.sum())
    if n < 2 * _BATCHES:
        return Estimate(None, None, n, "too few meter readings in the window")
    steps = np.diff(meter.time_s) * (meter.power_w[1:] + meter.power_w[:-1]) / 2
    energy_j = np.concatenate([[0], np.cumsum(steps)])
    bounds = np.linspace(begin_s, end_s, _BATCHES + 1)
    powers = np.diff(np.interp(bounds, meter.time_s, energy_j)) / np.diff(bounds)
    error_w = float(np.std(powers, ddof=1)) / math.sqrt(_BATCHES)
    return Estimate(float(powers.mean()), float(stdtrit(_BATCHES - 1, 0.975)) * error_w, n)


def _known(sensor: PowerTrace) -> Floats:
    """Where the sensor was read, on the grid of its edges but for the last: 1, else 0."""
    grid = _grid(sensor)[:-1]
    after = np.clip(np.searchsorted(sensor.time_s, grid), 1, len(sensor.time_s) - 1)
    gap_s = sensor.time_s[after] - sensor.time_s[after - 1]
    return np.where(gap_s > _GAP_S, 0.0, 1.0)


def _grid(trace: PowerTrace) -> Floats:
    return np.arange(trace.time_s[0], trace.time_s[-1], _GRID_S)


def _edges(trace: PowerTrace) -> Floats:
    """Changes of power on an even grid, after a moving mean that hides a sensor's stairs."""
    grid = _grid(trace)
    width = round(_SMOOTH_S / _GRID_S)
    power = np.interp(grid, trace.time_s, trace.power_w)
    smooth = np.convolve(power, np.full(width, 1 / width), mode="valid")
    return np.diff(np.pad(smooth, (width // 2, width - 1 - width // 2), mode="edge"))
