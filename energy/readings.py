"""Readings of one sensor: how often it refreshes, and the mean power of a power sensor."""

import math
from enum import StrEnum
from typing import Final

import numpy as np

from ..stats.measured import Measured
from ..stats.student import half_width
from .power_log import Series

MIN_TICKS: Final = 3  # intervals between changes of a sensor; fewer do not show their scatter
MAX_DISAGREEMENT: Final = 0.03  # relative difference of two power sources that raises no flag
DEFAULT_PERIOD_S: Final = 0.1  # update period of a sensor whose own period is unknown
_BEAT: Final = 0.1  # relative distance from a multiple of the update period
_MULTIPLES: Final = (1 / 4, 1 / 3, 1 / 2, 1, 2, 3, 4)
_NS: Final = 1e9


class Unusable(StrEnum):
    """Why a sensor's readings give no power over a window."""

    TOO_FEW_TICKS = "too few ticks of the sensor in the window"
    STUCK = "the energy counter did not move"
    RESET = "the energy counter went backwards: it was reset"
    NO_READINGS = "no reading succeeded in the window"


def mean_power_w(power: Series, begin_ns: int, end_ns: int) -> Measured:
    """Time-weighted mean over a window of the readings of a power sensor (mW), W.

    Each reading holds until the next one. The half width is that of the mean of as many independent
    readings. What happens between two refreshes of the sensor is not in it.
    """
    near = power.around(begin_ns, end_ns).good()
    inside = power.between(begin_ns, end_ns).good()
    if not len(inside):
        return Measured(None, None, 0, Unusable.NO_READINGS)
    if len(inside) < MIN_TICKS + 1:
        return Measured(None, None, len(inside), Unusable.TOO_FEW_TICKS)
    middle = (near.begin_ns + near.end_ns) / 2
    bounds = np.clip(np.append(middle, end_ns), begin_ns, end_ns)
    weights = np.diff(bounds)
    weights[0] += bounds[0] - begin_ns  # where no reading precedes the window, the first one counts
    power_w = float(np.average(near.value, weights=weights)) / 1000
    error_w = float(np.std(inside.value, ddof=1)) / 1000 / math.sqrt(len(inside))
    return Measured(power_w, half_width(error_w, len(inside) - 1), len(inside))


def update_period_s(sensor: Series) -> float | None:
    """Median time between changes of a sensor's value, s; None below three changes.

    The recorder may skip changes on purpose: the result is then a multiple of the true period.
    """
    good = sensor.good()
    changed = np.flatnonzero(np.diff(good.value) != 0)
    if len(changed) < MIN_TICKS:
        return None
    middle = (good.begin_ns[changed] + good.end_ns[changed + 1]) / 2
    return float(np.median(np.diff(middle))) / _NS


def refreshes(sensor: Series) -> Series:
    """One reading for each refresh of a sensor that was read more often than it refreshes.

    A value that does not change counts once in each update period, which is 0.1 s where it is
    unknown. Time-weighted means stay the same.
    """
    good = sensor.good()
    changed = np.diff(good.value, prepend=np.nan) != 0
    period_s = update_period_s(good) or DEFAULT_PERIOD_S
    since = good.begin_ns[changed][np.cumsum(changed) - 1]
    turn = ((good.begin_ns - since) / (period_s * _NS)).astype(np.int64)
    return good.take(changed | (np.diff(turn, prepend=0) > 0))


def beats_with_sensor(load_period_s: float, update_period_s: float) -> bool:
    """Whether a load's period is within 10 % of 1/4, 1/3, 1/2, 1, 2, 3 or 4 update periods.

    The sensor may then see the same phase of the load at every refresh.
    """
    ratio = load_period_s / update_period_s
    return any(abs(ratio / multiple - 1) < _BEAT for multiple in _MULTIPLES)
