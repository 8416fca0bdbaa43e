"""The course of the machine over a power pass, from its reference loads.

The reference load is the same work in every process of the pass. What its power and its time per
launch do over time, the machine does: a slow change is drift, to be corrected; a sudden one is a
disturbance, and the loads near it are in doubt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ...stats.arrays import Float64
from ..per_launch import MeteredLoad

_MIN_REFERENCES: Final = 4
_STEP: Final = {"power": 0.04, "time": 0.03}  # |log| distance from the drift of a disturbance
_SMOOTHED_S: Final = 90.0  # standard deviation of the weights of references over time
_SLOPE_WEIGHT: Final = 0.1  # prior weight of no slope: two references alone show none


@dataclass(frozen=True, slots=True)
class ReferenceCourse:
    """Reference loads in order of time: R times `at_s`, since the epoch, all arrays [R].

    `power` and `time` are the logarithms of their power and time per launch over the median; NaN
    where a fault left none. `disturbed` says which lie off the drift, or have a fault; `reasons`
    says how.
    """

    at_s: Float64
    power: Float64
    time: Float64
    reasons: tuple[str | None, ...]

    def drift(self, quantity: str, at_s: float) -> float:
        """Logarithm of the drift of "power" or "time" at a time: a local line through the rest."""
        good = np.array([reason is None for reason in self.reasons])
        values = (self.power if quantity == "power" else self.time)[good]
        distance = (self.at_s[good] - at_s) / _SMOOTHED_S
        weights = np.exp(-(np.minimum(np.abs(distance), 30.0) ** 2) / 2)
        mean, middle = (float(np.average(each, weights=weights)) for each in (values, distance))
        away = distance - middle
        slope = weights @ (away * (values - mean)) / (weights @ away**2 + _SLOPE_WEIGHT)
        return mean - float(slope) * middle

    def disturbance(self, at_s: float) -> str | None:
        """What the reference load showed just before or after a time; None where it was at rest."""
        after = int(np.searchsorted(self.at_s, at_s))
        beside = self.reasons[max(0, after - 1) : after + 1]
        return next((reason for reason in beside if reason is not None), None)


def reference_course(references: Sequence[MeteredLoad]) -> ReferenceCourse | None:
    """The course that some reference loads show; None where fewer than four have an energy."""
    ordered = sorted(references, key=lambda one: one.at_s)
    good = np.array([one.cost.reason is None for one in ordered])
    if good.sum() < _MIN_REFERENCES:
        return None
    at_s = np.array([one.at_s for one in ordered])
    power = _relative(np.array([one.cost.power_w.value or np.nan for one in ordered]), good)
    time = _relative(np.array([one.latency_us or np.nan for one in ordered]), good)
    away = {
        "power": power - _trend(at_s, power, good),
        "time": time - _trend(at_s, time, good),
    }
    reasons = tuple(
        f"the reference load failed at that time: {one.cost.reason}"
        if one.cost.reason is not None
        else _why_off(float(away["power"][place]), float(away["time"][place]))
        for place, one in enumerate(ordered)
    )
    if reasons.count(None) < _MIN_REFERENCES:
        return None
    return ReferenceCourse(at_s, power, time, reasons)


def _relative(values: Float64, good: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Float64:
    logs: Float64 = np.log(values / np.median(values[good]))
    return logs


def _trend(
    at_s: Float64, values: Float64, good: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> Float64:
    """A straight line that up to 29 % of the references may miss (Theil 1950, Sen 1968)."""
    times, known = at_s[good], values[good]
    one, other = np.triu_indices(len(times), 1)
    apart = times[other] - times[one]
    slopes = (known[other] - known[one])[apart > 0] / apart[apart > 0]
    slope = float(np.median(slopes)) if len(slopes) else 0.0
    trend: Float64 = slope * at_s + float(np.median(known - slope * times))
    return trend


def _why_off(power: float, time: float) -> str | None:
    """How far off the drift a reference load was, as a sentence; None where it was not."""
    if abs(power) <= _STEP["power"] and abs(time) <= _STEP["time"]:
        return None
    return (
        f"the reference load drew {np.expm1(power):+.0%} power and took {np.expm1(time):+.0%} time"
        " then"
    )
