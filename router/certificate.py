"""How far a routing can be from the best of all, from its bias and counts alone.

Tokens pick the k experts of the largest score + bias. The utility of a routing is the sum of the
picked scores less sum_i c_i(n_i), with n_i the tokens of expert i and c_i its cost in units of a
score. The picks are the best for score + bias among all that a token may make, so for any other
routing, with loads m,

    utility(other) <= sum of picked (score + bias) - sum_i [b_i m_i + c_i(m_i)]

and each bracket is at least -c_i*(-b_i), where c*(p) = max over m of p m - c(m). The difference to
the utility of the routing that was made is

    gap = sum_i [c_i(n_i) + c_i*(-b_i) + b_i n_i]  >=  0        (Fenchel-Young; weak duality)

No curve need be convex. Where tokens are bound to groups of experts, the other routings are those
within the groups that each token kept under this bias. All routings pick as often, so a number
added to every bias changes no pick: the gap holds for each such number, and the least is taken.
docs/theory.md has the proof, and what does not follow from it.
"""

from bisect import bisect_left
from dataclasses import dataclass
from math import copysign, isfinite, sqrt

import numpy as np

from ..stats.arrays import Float64, Int64
from ..store.errors import BadInput
from .curves import Curves
from .expert_costs import ExpertCosts
from .hull import common_pieces, minorant_slopes

_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Certificate:
    """What is certified of one batch, in units of a score.

    `cost` is that of the counts, and no routing has a utility more than `gap` above this one's; of
    limited groups, none within the groups that each token kept.
    """

    gap: float
    cost: float

    def utility_bound(self, picked_scores: float) -> float:
        """The largest utility that any routing can have, from the sum of the picked scores."""
        return picked_scores - self.cost + self.gap


class Certifier:
    """Certifies routings by the measured costs of experts, whether these are convex or not.

    A joule costs `price_per_j`, in units of a score. `price_per_s` [GPUs] are weights on the
    latency of each GPU, of which the longest costs their sum; none by default. Raises BadInput for
    prices that are negative, not finite, or not one for each GPU.
    """

    def __init__(
        self, costs: ExpertCosts, price_per_j: float, price_per_s: Float64 | None = None
    ) -> None:
        by_gpu = np.zeros(costs.gpus) if price_per_s is None else price_per_s
        if by_gpu.shape != (costs.gpus,):
            raise BadInput(f"price_per_s has the shape {by_gpu.shape}, for {costs.gpus} GPUs")
        for name, prices in (("price_per_j", np.array([price_per_j])), ("price_per_s", by_gpu)):
            wrong = prices[~(np.isfinite(prices) & (prices >= 0))]
            if len(wrong):
                raise BadInput(f"{name} is {wrong[0]}, and must be 0 or more")
        self._loads, self._gpu_of = costs.loads, costs.gpu_of
        weighed = by_gpu[costs.gpu_of, None] * costs.latency_s
        self._cost = price_per_j * costs.energy_j + weighed
        self._measured = Curves(costs.loads, self._cost)
        self._longest = None
        if costs.gpus > 1 and by_gpu.any():
            self._measured = Curves(costs.loads, price_per_j * costs.energy_j)
            self._longest = Curves(costs.loads, float(by_gpu.sum()) * costs.latency_s)
        self._experts, self._ends = np.arange(costs.experts), costs.loads.tolist()
        self._hulls: dict[int, tuple[Float64, Float64, Float64]] = {}

    def gap(self, bias: Float64, counts: Int64, tokens: int | None = None) -> Certificate:
        """Certify the picks of the largest score + `bias` [N] that gave `counts` [N].

        The routings that it is compared with give no expert more than `tokens`, or than the largest
        load of the costs. Raises BadInput for counts beyond that load, and a bias that is not
        finite.
        """
        loads = counts.astype(np.float64)
        biased = float(loads @ bias)
        if not isfinite(biased):
            raise BadInput("the bias of an expert is not finite")
        most = self._ends[-1] if tokens is None else min(float(tokens), self._ends[-1])
        if loads.max() > most:
            busiest = int(loads.argmax())
            raise BadInput(
                f"expert {busiest} has {counts[busiest]} tokens, and its costs or the batch end at"
                f" {most:g}"
            )
        pieces = self._measured.pieces(loads)
        cost = float(self._measured.at(loads, pieces).sum())
        if self._longest is not None:
            cost += float(np.bincount(self._gpu_of, self._longest.at(loads, pieces)).max())
        slopes, merged, widths = self._hull_pieces(most)
        now = slopes[np.minimum(pieces, len(slopes) - 1), self._experts] + bias
        conjugate = _least_conjugate(merged + bias, widths, loads, now)
        return Certificate(max(cost + conjugate + biased, 0.0), cost)

    def _hull_pieces(self, most: float) -> tuple[Float64, Float64, Float64]:
        """Slopes [S - 1, N] of the hulls up to the first load not below `most`.

        Then the slopes and the widths [P, N] of the pieces that these form.
        """
        last = max(bisect_left(self._ends, most), 1)
        if last not in self._hulls:
            loads = self._loads[: last + 1]
            slopes = np.ascontiguousarray(minorant_slopes(loads, self._cost[:, : last + 1]).T)
            ends, (merged,) = common_pieces(loads, [slopes])
            self._hulls[last] = slopes, merged, np.diff(ends, axis=0, prepend=0.0)
        return self._hulls[last]


def _least_conjugate(margins: Float64, widths: Float64, loads: Float64, now: Float64) -> float:
    """The least of sum_i c_i*(p - b_i) - p sum n, at up to three values of p.

    It is convex in p, and c* is that of the hull, whose pieces have `margins` (slope + bias) and
    `widths` [P, N]. The first p is the mean of the margins `now` [N] of the rows that there
    are; the second a standard deviation of theirs away in the direction of descent; the third where
    the tangents at both cross.
    """
    rows = float(loads.sum())
    worth, gained = np.empty_like(margins), np.empty_like(margins)

    def height(p: float) -> float:
        np.subtract(p, margins, out=worth)
        np.maximum(worth, 0.0, out=gained)
        return float(np.vdot(gained, widths)) - p * rows

    def slope() -> float:
        """By p, at that of the last height."""
        return float(np.vdot(worth > 0, widths)) - rows

    mean = float(loads @ now) / rows if rows else float(now.min())
    variance = float(loads @ (now - mean) ** 2) / rows if rows else 0.0
    first = height(mean)
    if variance <= (_ROUNDING * mean) ** 2:
        return first
    falls = slope()
    step = -copysign(sqrt(variance), falls)
    second = height(mean + step)
    turned = slope()
    if falls * turned >= 0:
        return min(first, second)
    return min(first, second, height(mean + (first - second + turned * step) / (turned - falls)))
