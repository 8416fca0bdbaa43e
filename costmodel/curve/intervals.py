"""Intervals of predictions between knots: conformal, from calibration points.

The score of a calibration point is the |log error| of its prediction divided by the log-jump of its
bracket, the |log| ratio of the two knots around it (a normalised conformal score: Papadopoulos,
Gammerman and Vovk 2008). The half width of a prediction is a quantile of the scores of all curves
times the log-jump of its own bracket. In a flat bracket the floor of the curve replaces the
log-jump, because the two knots may be equal by chance. The interval is at least as wide as those of
the two knots themselves, whose calls may scatter.

A model without calibration points scores its knots, each predicted from the others. Leaving a knot
out joins two brackets, so half of the joined log-jump is taken.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log
from types import MappingProxyType
from typing import Final

import numpy as np

from ...stats.arrays import Float64, Int64
from ...stats.conformal import COVERAGES_PCT, OF_95, conformal_quantile
from ...store.cost_model import Fit, IntervalScores
from .fit import interpolate, leave_one_out, log_jumps

CALIBRATED: Final = "calibration points, by the bracket's log-jump, pooled over curves"
LEFT_OUT: Final = "leave-one-out over the knots, by half the joined log-jump, pooled over curves"
# A few knots can agree to less than half a percent by chance.
SMALLEST_FLOOR: Final = 0.005
# Quantiles for models with too few scores of their own. Those of 2261 scores of public GEMM,
# activation and norm curves are a little smaller: 0.25, 0.67, 1.00, 1.46; and 0.27 for the drift,
# from 729 predictions of the upper half of a curve from its lower half.
PRIOR: Final = MappingProxyType({"50": 0.3, "80": 0.8, "90": 1.2, "95": 1.8})
PRIOR_DRIFT: Final = 0.3
_MAX_HALF_WIDTH: Final = log(1e6)


@dataclass(frozen=True, slots=True)
class Scored:
    """A fitted curve: `tokens` [K], latencies `values` [K], and C calibration points."""

    fit: Fit
    tokens: Int64
    values: Float64
    segments: Int64 | None = None
    calibration_tokens: Int64 | None = None
    calibration_values: Float64 | None = None

    @property
    def floor(self) -> float:
        """75th percentile of the leave-one-out |log| errors, at least 0.5 %."""
        errors = self.left_out_errors
        return max(SMALLEST_FLOOR, float(np.quantile(errors, 0.75)) if len(errors) else 0.0)

    @property
    def left_out_errors(self) -> Float64:
        """Leave-one-out |log| error of each inner knot, [K - 2]."""
        predicted = leave_one_out(self.fit, self.tokens, self.values, self.segments)
        errors: Float64 = np.abs(np.log(predicted / self.values[1:-1]))
        return errors

    def left_out_scores(self) -> Float64:
        """Scores of the inner knots, [K - 2]."""
        jumps = np.abs(np.log(self.values[2:] / self.values[:-2])) / 2
        scores: Float64 = self.left_out_errors / np.maximum(self.floor, jumps)
        return scores

    def calibration_scores(self) -> Float64:
        """Scores of the calibration points within the domain."""
        if self.calibration_tokens is None or self.calibration_values is None:
            return np.empty(0)
        sizes = self.calibration_tokens
        inside = (sizes >= self.tokens[0]) & (sizes <= self.tokens[-1])
        sizes, measured = sizes[inside], self.calibration_values[inside]
        predicted = interpolate(self.fit, self.tokens, self.values, sizes, self.segments)
        jumps = log_jumps(self.tokens, self.values, sizes)
        scores: Float64 = np.abs(np.log(predicted / measured)) / np.maximum(self.floor, jumps)
        return scores


def interval_scores(curves: Iterable[Scored]) -> IntervalScores:
    """Scores of all curves: of the calibration points, or of the knots where there are none."""
    found = list(curves)
    scores = np.concatenate([np.empty(0), *(curve.calibration_scores() for curve in found)])
    method = CALIBRATED
    if not len(scores):
        scores = np.concatenate([np.empty(0), *(curve.left_out_scores() for curve in found)])
        method = LEFT_OUT
    scores = np.sort(scores)
    quantiles = {str(percent): conformal_quantile(scores, percent) for percent in COVERAGES_PCT}
    return IntervalScores(method=method, floor=SMALLEST_FLOOR, n=len(scores), quantiles=quantiles)


def quantile_or_prior(intervals: IntervalScores, percent: int) -> float:
    """The quantile of a nominal coverage; that of public tables where the scores are too few."""
    own = intervals.quantiles.get(str(percent))
    return PRIOR[str(percent)] if own is None else own


def half_widths(quantile: float, floor: float, log_jumps: Float64) -> Float64:
    """Half width [N] of intervals in brackets of `log_jumps` [N], as a |log| ratio.

    At most the log of a million, which means that nothing is known.
    """
    return np.minimum(quantile * np.maximum(floor, log_jumps), _MAX_HALF_WIDTH)


def knot_half_widths(
    tokens: Int64, halves_95: Sequence[float | None], percent: int, query: Int64
) -> Float64:
    """Half width from the knots' own intervals at each size of `query` [Q], as a |log| ratio.

    At a knot it is the knot's own; between two knots it is the larger of theirs; an unknown one
    counts as 0. `halves_95` [K] are the half widths at 95 % of the knots at `tokens` [K]. Every
    size must lie between the first and the last knot.
    """
    own = np.array([half or 0.0 for half in halves_95]) * OF_95[percent]
    right = np.searchsorted(tokens, query)
    left = np.searchsorted(tokens, query, side="right") - 1
    found: Float64 = np.maximum(own[left], own[right])
    return found
