"""The cost of grouped operations where other experts are active than in the measurement.

The latency over tokens and active experts is taken as a sum of four terms, as that of a surface:
a constant, active experts, tokens, and rows per expert beyond one tile. It is fitted to the curves
of all routings that were measured. The latency at the nearest of them is multiplied by the ratio
of two such sums, so that at a measured routing nothing changes. It is an estimate, and its interval
holds the errors of the fit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import exp, hypot, log

import numpy as np

from ...stats.arrays import Float64
from ...stats.routing.distribution import distribution
from ...store.cost_model import CurveModel
from ...store.fitted_runs import LayerSizes
from ..cost import Cost
from ..surface.prediction import terms

_ROUNDING = 1e-18  # squared relative errors in doubles are known to it


@dataclass(frozen=True, slots=True)
class RoutedCurve:
    """A curve of a grouped operation, and the active experts at its knots."""

    curve: CurveModel
    active: tuple[float, ...]


def expected_active(layer: LayerSizes, routing: str, tokens: int) -> float:
    """Expected experts of this device that get a row where each rank has `tokens` tokens.

    At least one: a rank without any row is measured with one.
    """
    shares = distribution(routing, layer.experts, layer.top_k)
    return max(1.0, shares.expected_active(tokens, layer.ranks))


def with_active(
    cost: Cost, curves: Sequence[RoutedCurve], top_k: int, active: tuple[float, float]
) -> Cost:
    """The cost where `active[1]` experts are active, from that where `active[0]` are.

    `curves` are those of one operation at all routings that were measured.
    """
    tokens = np.concatenate([one.curve.knots_tokens for one in curves])
    experts = np.concatenate([one.active for one in curves])
    latency_us = np.concatenate([one.curve.latency_us for one in curves])
    known = terms(tokens, experts, top_k)
    coefficients = non_negative(known / latency_us[:, None])
    errors = np.abs(np.log(np.maximum(known @ coefficients, 1e-9) / latency_us))
    asked = terms(np.array([cost.tokens] * 2), np.array(active), top_k) @ coefficients
    factor = float(asked[1] / asked[0])
    half = hypot(log(cost.latency_us_hi / cost.latency_us), float(np.quantile(errors, 0.95)))
    latency = cost.latency_us * factor
    return replace(
        cost,
        latency_us=latency,
        latency_us_lo=latency / exp(half),
        latency_us_hi=latency * exp(half),
        energy_mj=None if cost.energy_mj is None else cost.energy_mj * factor,
        energy_mj_lo=None,
        energy_mj_hi=None,
        measured=False,
        measured_once=False,
        estimated=True,
    )


def non_negative(columns: Float64) -> Float64:
    """Coefficients [C], none negative, with which the columns of [N, C] add up nearest to 1.

    The best of all subsets of columns whose own solution is not negative, of equally good ones the
    smallest: exact for so few columns, and a look-up loads no scipy.
    """
    ones = np.ones(len(columns))
    best, least = np.zeros(columns.shape[1]), float(ones @ ones)
    for size in range(1, columns.shape[1] + 1):
        for chosen in map(list, combinations(range(columns.shape[1]), size)):
            found = np.linalg.lstsq(columns[:, chosen], ones, rcond=None)[0]
            loss = float(np.sum((columns[:, chosen] @ found - 1) ** 2))
            if loss < least - _ROUNDING and (found >= 0).all():
                best, least = np.zeros(columns.shape[1]), loss
                best[chosen] = found
    return best
