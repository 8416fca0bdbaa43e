"""The best weights where one or two demands bound the period: one GPU, with or without a cap."""

from dataclasses import dataclass

import numpy as np

from ...stats.arrays import Float64
from .dual import DualPoint, LoadDual

_MOST_POINTS = 60
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Optimum:
    """The best loads that were found, and the largest bound of the program's optimum."""

    point: DualPoint
    bound_j: float

    @property
    def gap(self) -> float:
        """How far the loads can be from the optimum at most, as a share of their objective."""
        missing_j = self.point.objective_j - self.bound_j
        return missing_j / self.point.objective_j if missing_j > 0 else 0.0


def solve_two(dual: LoadDual, tolerance: float, warm_w: Float64 | None) -> Optimum:
    """Move weight from the first demand to the second until the second is no longer above.

    The excess of the second demand falls as its weight grows, so its zero is found by the Illinois
    method (Dowell and Jarratt, BIT 11, 1971), which keeps a bracket. Loads without excess alone
    count as an answer: they meet the cap without waiting. `warm_w` are the weights of a similar
    program.
    """
    whole_w = dual.batch.period_price_w
    least = dual.at(np.array([whole_w, 0.0][: dual.demands]))
    if dual.demands == 1 or _excess_s(least) <= 0:
        return Optimum(least, least.bound_j)
    most = dual.at(np.array([0.0, whole_w]))
    found = Optimum(most, max(least.bound_j, most.bound_j))
    if _excess_s(most) >= 0:
        return found
    low, high = (0.0, _excess_s(least)), (whole_w, _excess_s(most))
    at_w = _crossing(low, high)
    if warm_w is not None and 0 < warm_w[1] < whole_w:
        at_w = float(warm_w[1])
    for _ in range(_MOST_POINTS):
        if found.gap <= tolerance:
            break
        point = dual.at(np.array([whole_w - at_w, at_w]))
        excess_s = _excess_s(point)
        if excess_s > 0:
            low, high = (at_w, excess_s), (high[0], high[1] * 0.5)
        else:
            low, high = (low[0], low[1] * 0.5), (at_w, excess_s)
        better = excess_s <= 0 and point.objective_j < found.point.objective_j
        found = Optimum(point if better else found.point, max(found.bound_j, point.bound_j))
        at_w = _crossing(low, high)
    return found


def _excess_s(point: DualPoint) -> float:
    """How far the second demand is above the first, 0 where they are equal but for rounding."""
    first, second = point.demands_s.tolist()
    return 0.0 if abs(second - first) <= _ROUNDING * first else float(second - first)


def _crossing(low: tuple[float, float], high: tuple[float, float]) -> float:
    return (low[0] * high[1] - high[0] * low[1]) / (high[1] - low[1])
