"""The best weights where one or two demands bound the period: one GPU, with or without a cap."""

from dataclasses import dataclass

import numpy as np

from .dual import DualPoint, LoadDual

_MOST_POINTS, _TOLERANCE, _ROUNDING = 25, 2e-7, 1e-12


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

    def better(self, point: DualPoint, bound_j: float) -> "Optimum":
        """The better of both loads, and of both bounds."""
        best = point if point.objective_j < self.point.objective_j else self.point
        return Optimum(best, max(self.bound_j, bound_j))


def solve_two(dual: LoadDual, warm_w: float | None) -> Optimum:
    """Move weight from the first demand to the second until they are equal.

    The excess of the second demand falls as its weight grows, so its zero is found by the Illinois
    method (Dowell and Jarratt, BIT 11, 1971), which keeps a bracket. Where a nat costs next to
    nothing, the loads jump there, and the gap stays. `warm_w` is the second weight of a similar
    program.
    """
    whole_w = dual.batch.period_price_w
    if dual.demands == 1:
        only = dual.at(np.array([whole_w]))
        return Optimum(only, only.bound_j)
    ends: list[DualPoint] = []
    # The demand that is larger under the model's own routing often stays so, and ends the search.
    larger = int(_excess_s(dual.at_own()) > 0)
    for bears in (larger, 1 - larger):
        point = dual.at(whole_w * (np.arange(2) == bears))
        if (_excess_s(point) >= 0) if bears else (_excess_s(point) <= 0):
            return Optimum(point, point.bound_j)
        ends.insert(0 if bears == 0 else len(ends), point)
    least, most = ends
    found = Optimum(least, least.bound_j).better(most, most.bound_j)
    low, high = _End(least, _excess_s(least)), _End(most, _excess_s(most))
    at_w = warm_w if warm_w is not None and 0 < warm_w < whole_w else _crossing(low, high)
    for _ in range(_MOST_POINTS):
        if found.gap <= _TOLERANCE:
            break
        way = (at_w - low.weight_w) / (high.weight_w - low.weight_w)
        guess = low.point.shared + way * (high.point.shared - low.point.shared)
        point = dual.at(np.array([whole_w - at_w, at_w]), guess)
        found = found.better(point, point.bound_j)
        excess_s = _excess_s(point)
        if excess_s > 0:
            low, high = _End(point, excess_s), high.kept()
        else:
            low, high = low.kept(), _End(point, excess_s)
        at_w = _crossing(low, high)
    return found


def _excess_s(point: DualPoint) -> float:
    """How far the second demand is above the first, 0 where they are equal but for rounding."""
    first, second = point.demands_s.tolist()
    return 0.0 if abs(second - first) <= _ROUNDING * first else float(second - first)


@dataclass(frozen=True, eq=False)
class _End:
    """An end of the bracket, and the excess that the method counts there.

    An end that stays twice running counts half of it the second time, and so on.
    """

    point: DualPoint
    excess_s: float
    stays: bool = False

    @property
    def weight_w(self) -> float:
        return float(self.point.weights_w[1])

    def kept(self) -> "_End":
        return _End(self.point, self.excess_s * (0.5 if self.stays else 1.0), stays=True)


def _crossing(low: _End, high: _End) -> float:
    crossed = low.weight_w * high.excess_s - high.weight_w * low.excess_s
    return crossed / (high.excess_s - low.excess_s)
