"""The mean of values that differ by more than their own errors: a random-effects model.

    x_i = mean + u_i + e_i,   u_i ~ N(0, between^2),   e_i ~ N(0, own_i^2)

`between` makes the weighted squares equal to their expectation (Paule and Mandel 1982, Journal of
Research of the National Bureau of Standards 87(5), 377-385). A value that is not sure of itself so
says little of how far the others lie apart. Where none has an error of its own, mean and `between`
are the plain mean and standard deviation.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ..arrays import Float64

_LEAST_SD: Final = 1e-9  # equal values have a spread that divides
_TURNS: Final = 60  # halvings of a bracket down to the precision of a double


@dataclass(frozen=True, slots=True)
class CommonMean:
    """A mean, its standard error, and the standard deviation `between` the values."""

    mean: float
    standard_error: float
    between: float

    def error_of(self, own: float) -> float:
        """Standard deviation of the difference of one more value from the mean."""
        return float(np.sqrt(self.standard_error**2 + self.between**2 + own**2))


def common_mean(values: Float64, own: Float64) -> CommonMean:
    """The mean of two or more `values` [n], whose own standard deviations are `own` [n]."""
    low, high = 0.0, float(np.ptp(values)) + _LEAST_SD
    for _ in range(_TURNS):
        middle = (low + high) / 2
        mean, weights = _weighted(values, own, middle)
        if (weights * (values - mean) ** 2).sum() > len(values) - 1:
            low = middle
        else:
            high = middle
    mean, weights = _weighted(values, own, high)
    return CommonMean(mean, float(weights.sum() ** -0.5), high)


def _weighted(values: Float64, own: Float64, between: float) -> tuple[float, Float64]:
    weights = 1 / (own**2 + max(between, _LEAST_SD) ** 2)
    return float((weights * values).sum() / weights.sum()), weights
