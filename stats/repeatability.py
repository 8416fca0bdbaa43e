"""How closely a measurement repeats itself, and how many readings a change takes to be detected."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from .student import half_width

LEVEL: Final = 0.05  # probability that equal versions are called different, two-sided
POWER: Final = 0.8  # probability that a true change is detected
_MAX_READINGS: Final = 10_000
_NORMAL_MAD: Final = (
    1.4826  # standard deviation of a normal distribution / median absolute deviation
)


@dataclass(frozen=True, slots=True)
class Repeatability:
    """Spread of repeated readings of one quantity, from processes that do the same work.

    `spread` is the relative standard deviation of a reading, `shift` the largest relative
    difference of two processes' medians, and `readings` the number of readings.
    """

    spread: float
    shift: float
    readings: int


def repeatability_of(readings: Sequence[Sequence[float]]) -> Repeatability:
    """Repeatability of readings of the same point, one sequence per process, each two or more.

    The spread combines two parts by the root of the sum of their squares. Within a process it is
    1.48 median absolute deviations from the process's median, which a single disturbed reading does
    not move. Between processes it is the standard deviation of the medians. From three processes
    with six readings each it is known to some 40 %.
    """
    logs = [np.log(np.asarray(one, dtype=np.float64)) for one in readings]
    medians = [float(np.median(one)) for one in logs]
    apart = np.concatenate([one - median for one, median in zip(logs, medians, strict=True)])
    within = _NORMAL_MAD * float(np.median(np.abs(apart)))
    spread = float(np.hypot(within, np.std(medians, ddof=1)))
    return Repeatability(spread, float(np.expm1(np.ptp(medians))), len(apart))


def readings_needed(spread: float, change: float) -> int | None:
    """Readings of each of two versions until 80 % of comparisons detect a relative `change`.

    By Student's two-sided test at the 5 % level on readings of relative standard deviation
    `spread`; the power of the test is that of the non-central t distribution. None above 10 000.
    """
    low, high = 1, 2
    while not _is_detected(spread, change, high):
        low, high = high, 2 * high
        if high > _MAX_READINGS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _is_detected(spread, change, middle) else (middle, high)
    return high


def _is_detected(spread: float, change: float, readings: int) -> bool:
    from scipy.special import nctdtr  # here: a look-up in a cost model loads no scipy

    freedom = 2 * (readings - 1)
    away = float(np.log1p(change)) / (max(spread, 1e-9) * np.sqrt(2 / readings))
    critical = half_width(1.0, freedom, 1 - LEVEL)
    return bool(away > 10 * critical or 1 - float(nctdtr(freedom, away, critical)) >= POWER)


def repeat_difference(values: Sequence[float]) -> float | None:
    """|log| ratio of the highest to the lowest of repeated values; None below two of them.

    Also None where a value is not positive.
    """
    if len(values) < 2 or min(values) <= 0:
        return None
    return float(np.log(max(values) / min(values)))
