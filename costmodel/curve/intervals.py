"""How far to trust a prediction between knots: conformal intervals from points the fit never saw.

The score of a calibration point is how far off its prediction is, as a |log| ratio, in units of the
log-jump of its bracket (a normalised conformal score: Papadopoulos, Gammerman and Vovk 2008). A
quantile of the scores of all curves bounds a new prediction, in units of its own bracket. Where a
curve is flat, what is left is noise: each curve's floor keeps chance from making its bracket look
certain. A knot whose own calls scatter, as those of two modes do, is not surer than its own
interval, nor is what is read off between it and the next.

A model without calibration points falls back on its knots, each predicted from the others. Leaving
one out joins two brackets, and the log-jump of the whole would make the scores too small by about
two: half of it stands for a bracket as the model has them.
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
# Below half a percent, a flat bracket of a few knots looks more certain than it is.
SMALLEST_FLOOR: Final = 0.005
# For models with too few scores of their own: a little wider than the 2261 scores of public GEMM,
# activation and norm curves (0.25, 0.67, 1.00, 1.46), and than what 729 doublings beyond half of
# their domains added (0.27).
PRIOR: Final = MappingProxyType({"50": 0.3, "80": 0.8, "90": 1.2, "95": 1.8})
PRIOR_DRIFT: Final = 0.3
_WIDEST: Final = log(1e6)


@dataclass(frozen=True, slots=True)
class Scored:
    """A fitted curve: tokens [K], latencies [K], and its points for calibration, [C] each."""

    fit: Fit
    tokens: Int64
    values: Float64
    segments: Int64 | None = None
    calibration_tokens: Int64 | None = None
    calibration_values: Float64 | None = None

    @property
    def floor(self) -> float:
        """The |log| error that three of four left-out knots stay below, at least 0.5 %."""
        errors = self.left_out_errors
        return max(SMALLEST_FLOOR, float(np.quantile(errors, 0.75)) if len(errors) else 0.0)

    @property
    def left_out_errors(self) -> Float64:
        """|log| error of each inner knot when it is predicted from the others, [K - 2]."""
        predicted = leave_one_out(self.fit, self.tokens, self.values, self.segments)
        errors: Float64 = np.abs(np.log(predicted / self.values[1:-1]))
        return errors

    def left_out_scores(self) -> Float64:
        """Give the scores of the inner knots."""
        jumps = np.abs(np.log(self.values[2:] / self.values[:-2])) / 2
        scores: Float64 = self.left_out_errors / np.maximum(self.floor, jumps)
        return scores

    def calibration_scores(self) -> Float64:
        """Give the scores of the calibration points within the domain."""
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
    """Score a model's curves, by their calibration points where there are any."""
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
    """Give the quantile of a nominal coverage, or that of public tables where scores are few."""
    own = intervals.quantiles.get(str(percent))
    return PRIOR[str(percent)] if own is None else own


def half_widths(quantile: float, floor: float, log_jumps: Float64) -> Float64:
    """Half width of an interval, as a |log| ratio, in brackets of these log-jumps.

    It is a factor of a million at most, which says that nothing is known.
    """
    return np.minimum(quantile * np.maximum(floor, log_jumps), _WIDEST)


def knot_half_widths(
    tokens: Int64, halves_95: Sequence[float | None], percent: int, query: Int64
) -> Float64:
    """Half width that the knots' own intervals lend each size of `query`, as a |log| ratio.

    At a knot it is the knot's own, between two the larger of theirs; 0 where none is known.
    `halves_95` [K] are those of the knots `tokens` at 95 %; every size must lie between the first
    and the last.
    """
    own = np.array([half or 0.0 for half in halves_95]) * OF_95[percent]
    right = np.searchsorted(tokens, query)
    left = np.searchsorted(tokens, query, side="right") - 1
    lent: Float64 = np.maximum(own[left], own[right])
    return lent
