"""Leakage: the power that each degree adds under the same load, from a recorded step.

During the load of the step only the temperature changes, so the slope of power over temperature is
the leakage. It is fitted to the median power at each whole degree, because readings at the same
temperature are not independent, and as the median slope between any two of these medians (Theil and
Sen), because a few may be outliers.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from ...stats.arrays import Float64

NO_TEMPERATURE: Final = "no load of a power pass has a temperature"
NO_STEADY_LOAD: Final = "the step held no load with its clocks at rest and no limit or heat upon it"
_MIN_RISE_C: Final = 10
_MIN_DEGREES: Final = 8
_ROUNDING_C: Final = 0.5  # largest distance of a reading from the middle of its degree
_MAX_CORRELATION: Final = 0.9  # between the residuals of neighbouring degrees
_MIN_READINGS: Final = 5  # a degree with fewer is left out


@dataclass(frozen=True, slots=True)
class Leakage:
    """Power that each °C above `reference_c` adds, in W/°C; None with the `reason` where unknown.

    `ci95` is the half width of its 95 % interval. `reference_c` is the mean temperature at which
    the powers of the model were measured.
    """

    w_per_c: float | None
    ci95: float | None
    reference_c: float | None
    reason: str | None = None


def fit_leakage(temp_c: Float64, power_w: Float64, reference_c: float | None) -> Leakage:
    """Fit the leakage to N readings under a steady load: `temp_c` [N] in whole degrees."""
    if reference_c is None:
        return _none(NO_TEMPERATURE)
    if not len(temp_c):
        return _none(NO_STEADY_LOAD)
    degrees, counts = np.unique(temp_c, return_counts=True)
    degrees = degrees[counts >= _MIN_READINGS]
    moved_c = float(np.ptp(degrees)) if len(degrees) else 0.0
    if moved_c < _MIN_RISE_C or len(degrees) < _MIN_DEGREES:
        return _none(
            f"the steady load was long enough at {len(degrees)} degrees, {moved_c:g} °C apart, "
            f"and it takes {_MIN_DEGREES}, {_MIN_RISE_C} °C apart"
        )
    from scipy.stats import theilslopes  # here: it takes 0.2 s, and few models have leakage

    medians_w = np.array([np.median(power_w[temp_c == degree]) for degree in degrees])
    slope, middle_w, low, high = (float(each) for each in theilslopes(medians_w, degrees))
    widening = _widening(medians_w - middle_w - slope * degrees)
    half = max(widening * max(high - slope, slope - low), abs(slope) * _ROUNDING_C / moved_c)
    if half >= abs(slope):
        return _none(f"{slope:.2g} ± {half:.1g} W/°C holds 0")
    return Leakage(slope, half, reference_c)


def _widening(residuals_w: Float64) -> float:
    """Factor by which correlation between neighbouring residuals [K] widens the interval."""
    all_w2 = float(residuals_w @ residuals_w)
    correlation = float(residuals_w[1:] @ residuals_w[:-1]) / all_w2 if all_w2 else 0.0
    correlation = min(max(correlation, 0.0), _MAX_CORRELATION)
    return math.sqrt((1 + correlation) / (1 - correlation))


def _none(reason: str) -> Leakage:
    return Leakage(None, None, None, reason)
