"""An external power meter: its mean power over a window, and the sensor's gain against it.

The meter measures power in place of the device's own sensor, whose log still says when a load had
settled and what disturbed it. `meter_csv/` reads its file, and `meter_clock.py` finds the
difference of their clocks.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final, Self

import numpy as np

from ..stats.arrays import Float64
from ..stats.measured import Measured
from ..stats.student import mean_half_width
from ..store.errors import BadInput
from ..store.flag import Flag, FlagCode
from .readings import MAX_DISAGREEMENT

NOT_COVERED: Final = "the meter does not cover the window"
HAS_GAP: Final = "the meter has a gap in the window"
TOO_FEW_READINGS: Final = "too few meter readings in the window"
_PARTS: Final = 10  # parts of a window, whose scatter gives the interval
_MIN_READINGS: Final = 8
_NO_POWER_W: Final = 1e9  # a cell of more is no reading, whatever its unit
_GAP_PERIODS: Final = 3.5  # median times between readings: two in a row may be missing
_MIN_GAP_S: Final = 0.02  # a shorter time without a reading is no gap: it hides no change of load


@dataclass(frozen=True, slots=True)
class PowerTrace:
    """Power over time, both float64 of shape (n,): `time_s` on any clock, increasing.

    `left_out` rows of the file held no reading, and `same_time` rows the time of the row before.
    """

    time_s: Float64
    power_w: Float64
    left_out: int = 0
    same_time: int = 0


@dataclass(frozen=True, slots=True)
class PowerMeter:
    """A meter's trace; the sensors' time since the epoch minus the meter's clock is `lag_s`."""

    trace: PowerTrace
    lag_s: float

    def mean_power_w(self, begin_epoch_ns: int, end_epoch_ns: int) -> Measured:
        """Mean power over a window, from the readings that lie inside it as a whole, W.

        A reading covers the time half-way to its neighbours. The half width is that of the mean of
        10 equal parts, or of fewer with two readings each. The meter's own gain is not in it.
        """
        begin_s, end_s = begin_epoch_ns / 1e9 - self.lag_s, end_epoch_ns / 1e9 - self.lag_s
        return trace_power_w(self.trace, float(begin_s), float(end_s))


def trace_power_w(trace: PowerTrace, begin_s: float, end_s: float) -> Measured:
    """Mean power of a trace over a window on its own clock, as `PowerMeter.mean_power_w`."""
    if begin_s < trace.time_s[0] or end_s > trace.time_s[-1]:
        return Measured(None, None, 0, NOT_COVERED)
    last_before = np.searchsorted(trace.time_s, begin_s, side="right") - 1
    first_after = np.searchsorted(trace.time_s, end_s)
    apart_s = np.diff(trace.time_s[last_before : first_after + 1])
    period_s = float(np.median(apart_s))
    if apart_s.max() > max(_GAP_PERIODS * period_s, _MIN_GAP_S):
        return Measured(None, None, 0, HAS_GAP)
    first, last = np.searchsorted(trace.time_s, [begin_s + period_s / 2, end_s - period_s / 2])
    n = max(int(last - first), 0)
    if n < _MIN_READINGS:
        return Measured(None, None, n, TOO_FEW_READINGS)
    power_w, length_s = trace.power_w[first:last], np.gradient(trace.time_s[first:last])
    parts = min(_PARTS, n // 2)
    begins = np.arange(parts) * n // parts
    parts_w = np.add.reduceat(power_w * length_s, begins) / np.add.reduceat(length_s, begins)
    return Measured(float(np.average(power_w, weights=length_s)), mean_half_width(parts_w), n)


def read_meter(path: Path) -> PowerTrace:
    """Read a meter's CSV, as `meter_csv.reading.time_and_power` does.

    A row without a number is left out; rows at the same time are averaged. Raises BadInput as that
    does, and where most rows hold no number or time goes backwards.
    """
    from .meter_csv.reading import time_and_power  # imports pandas, and few runs have a meter

    return _trace(path, *time_and_power(path))


def _trace(path: Path, seconds: Float64, watts: Float64) -> PowerTrace:
    """The rows that hold two numbers; rows at one time become their mean."""
    whole = np.isfinite(seconds) & (np.abs(watts) < _NO_POWER_W)
    if 2 * whole.sum() <= len(whole):
        raise BadInput(
            f"{path} holds a time and a power in {whole.sum()} of {len(whole)} rows, not in most",
            hint="write a number in each cell, or commas and semicolons between the columns",
        )
    left_out = len(whole) - int(whole.sum())
    seconds, watts = seconds[whole], watts[whole]
    if (np.diff(seconds) < 0).any():
        row = int(np.argmax(np.diff(seconds) < 0))
        raise BadInput(
            f"{path} goes backwards in time, after {seconds[row]:.3f} s",
            hint="sort its rows by time, and keep one recording",
        )
    times, first, n = np.unique(seconds, return_index=True, return_counts=True)
    if len(times) < 2:
        raise BadInput(
            f"{path} holds readings at {len(times)} time, and needs two times or more",
            hint="let the meter record the whole power pass",
        )
    mean_w = np.add.reduceat(watts, first) / n
    return PowerTrace(times, mean_w, left_out, len(seconds) - len(times))


@dataclass(frozen=True, slots=True)
class SensorGain:
    """Power by the device's sensor over power by the meter: median and range of `n` loads."""

    ratio: float
    lowest: float
    highest: float
    n: int

    @classmethod
    def of(cls, ratios: Iterable[float | None]) -> Self | None:
        """The gain over some loads, each with its ratio or None; None where no load has one."""
        known = [ratio for ratio in ratios if ratio is not None]
        return cls(median(known), min(known), max(known), len(known)) if known else None

    def __str__(self) -> str:
        return (
            "energies are those of the external meter: the device's own sensor shows"
            f" {self.ratio:.3f} of its power ({self.lowest:.3f} to {self.highest:.3f}"
            f" over {self.n} load{'s' * (self.n > 1)})"
        )

    def flags(self, ratio: float | None) -> list[Flag]:
        """Flags of a load with its own ratio: a gain of the run far from 1, a ratio far from it."""
        flags = []
        if abs(self.ratio - 1) > MAX_DISAGREEMENT:
            words = f"the sensor shows {self.ratio:.3f} of the meter's power"
            flags.append(Flag(FlagCode.SENSOR_GAIN, words))
        if ratio is not None and abs(ratio / self.ratio - 1) > MAX_DISAGREEMENT:
            words = f"sensor over meter is {ratio:.3f} here, and {self.ratio:.3f} in the run"
            flags.append(Flag(FlagCode.SENSOR_GAIN_VARIES, words))
        return flags
