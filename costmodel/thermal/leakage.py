"""Leakage: what a warmer device draws more under the very same load, from a recorded step.

While the step bears its load, the temperature climbs and nothing else changes: power over
temperature is a line, whose slope is the leakage. It takes the median power at each whole degree,
because the many readings at one temperature are no independent witnesses, and the median slope
between any two of those (Theil and Sen), because a few may be off.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import theilslopes

from ...stats.arrays import Float64

_MIN_RISE_C: Final = 10
_MIN_DEGREES: Final = 8
_READ_TO_C: Final = 0.5  # how far the readings of a whole degree may lie from its middle
_MAX_ALIKE: Final = 0.9  # of what is left at two neighbouring degrees
_MIN_READINGS: Final = 5  # at a degree: a median of fewer is that of noise


@dataclass(frozen=True, slots=True)
class Leakage:
    """Power that each °C adds, W/°C, with the half width of its 95 % interval; or why it is none.

    Its temperatures count from `reference_c`, at which the powers of a model were measured.
    """

    w_per_c: float | None
    ci95: float | None
    reference_c: float | None
    reason: str | None = None


def fit_leakage(temp_c: Float64, power_w: Float64, reference_c: float | None) -> Leakage:
    """Fit the leakage to readings [N] of a steady load; `temp_c` in whole degrees."""
    if reference_c is None:
        return _none("no load of a power pass has a temperature")
    if not len(temp_c):
        return _none("the step held no load with its clocks at rest and no limit or heat upon it")
    degrees, counts = np.unique(temp_c, return_counts=True)
    degrees = degrees[counts >= _MIN_READINGS]
    moved_c = float(np.ptp(degrees)) if len(degrees) else 0.0
    if moved_c < _MIN_RISE_C or len(degrees) < _MIN_DEGREES:
        return _none(
            f"the steady load was long enough at {len(degrees)} degrees, {moved_c:g} °C apart, "
            f"and it takes {_MIN_DEGREES}, {_MIN_RISE_C} °C apart"
        )
    medians_w = np.array([np.median(power_w[temp_c == degree]) for degree in degrees])
    slope, middle_w, low, high = (float(each) for each in theilslopes(medians_w, degrees))
    wander = _wander(medians_w - middle_w - slope * degrees)
    half = max(wander * max(high - slope, slope - low), abs(slope) * _READ_TO_C / moved_c)
    if half >= abs(slope):
        return _none(f"{slope:.2g} ± {half:.1g} W/°C holds 0")
    return Leakage(slope, half, reference_c)


def _wander(left_w: Float64) -> float:
    """How much wider an interval is where neighbours of what is left are alike."""
    all_w2 = float(left_w @ left_w)
    alike = float(left_w[1:] @ left_w[:-1]) / all_w2 if all_w2 else 0.0
    alike = min(max(alike, 0.0), _MAX_ALIKE)
    return math.sqrt((1 + alike) / (1 - alike))


def _none(reason: str) -> Leakage:
    return Leakage(None, None, None, reason)
