"""Which of several values lie apart from the others: the generalised extreme Studentised deviate.

Rosner 1983, Technometrics 25(2), 165-172 (NIST/SEMATECH e-Handbook, 1.3.5.17.3): the value farthest
from the mean is taken out, one after the other, and each is tested against those that are left.
Two outliers do not hide each other, as they do where each is tested against all the rest. Rosner's
levels are for 25 values or more: of seven normal values they call 11 % apart at 5 %. Below that
each of the steps has an equal part of the error.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ..arrays import Float64
from .random_effects import CommonMean, common_mean

FEWEST_LEFT: Final = 3  # values from which a mean and a spread of the others are taken
_MANY: Final = 25  # values from which Rosner's levels hold


@dataclass(frozen=True, slots=True, eq=False)
class Apart:
    """P-values [n] that each value is one of the others, and the places of those that are left.

    `p` is two-sided and corrected for the number of values; 1 where a value was never the farthest.
    """

    p: Float64
    left: tuple[int, ...]


def lying_apart(values: Float64, own: Float64, alpha: float) -> Apart:
    """Test each of `values` [n]; at most the smaller half is found apart, and three are left.

    `own` [n] are standard deviations of the values by themselves, which add to the spread between
    them (random_effects.py). `left` are the values that are not apart at the level `alpha`.
    """
    from scipy.special import stdtr  # here: a look-up in a cost model loads no scipy

    n = len(values)
    left, order, found = list(range(n)), [], []
    steps = max(0, min(n - FEWEST_LEFT, (n - 1) // 2))
    tests = steps if n < _MANY else 1
    for _ in range(steps):
        all_left = common_mean(values[left], own[left])
        farthest = max(left, key=lambda at: _distance(float(values[at]), float(own[at]), all_left))
        others = [at for at in left if at != farthest]
        mean = common_mean(values[others], own[others])
        t = _distance(float(values[farthest]), float(own[farthest]), mean)
        found.append(min(1.0, 2 * tests * len(left) * float(stdtr(len(others) - 1, -t))))
        order.append(farthest)
        left = others
    p = np.ones(n)
    for place, farthest in enumerate(order):
        p[farthest] = min(found[place:])
    return Apart(p, tuple(at for at in range(n) if p[at] >= alpha))


def _distance(value: float, own: float, others: CommonMean) -> float:
    """Distance of a value from the mean of others, in units of its standard deviation."""
    return abs(value - others.mean) / others.error_of(own)
