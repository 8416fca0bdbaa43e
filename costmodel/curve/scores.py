"""The scale of each curve's errors, and the scores from which a model's intervals follow.

The |log| error of a prediction, divided by its scale (`intervals.py`), is taken to be distributed
as Student's t with 3 degrees of freedom. Each curve has two unknowns, its noise and its share of
the log-jumps. They are posterior root mean squares (empirical Bayes: Efron and Morris 1973): the
likelihood is that of the curve's errors at its calibration sizes and, at a quarter of the weight
because neighbours share knots, of its left-out errors; the prior is log-normal around the median
curve of the model, a factor of 3 wide in the noise and of 1.5 in the share. So a curve of few
points takes the values of the others.

A score is the error of a calibration point by its scale, which is estimated without that point. The
quantiles of the scores of all curves make the intervals (split conformal prediction, normalised:
Papadopoulos, Gammerman and Vovk 2008), with 25 quantiles of Student's t counted among the scores,
so that those of a few points do not decide alone.

Calibration points become knots only after they were scored (`build.py`). The scale of a bracket of
the final fit then follows from the jumps and left-out errors of its own, closer, knots.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ...stats.arrays import Float64, Int64
from ...stats.conformal import COVERAGES_PCT, conformal_quantile
from ...stats.student import half_width
from ...store.cost_model import Fit, IntervalScores
from .fit import interpolate, leave_one_out, log_jumps
from .intervals import FREEDOM, PRIOR, ErrorScale, bracket_left_out, error_scales

CALIBRATED: Final = "calibration points before they are knots, by the scale of their curve's errors"
LEFT_OUT: Final = "leave-one-out over the knots, by the scale of their curve's errors"
_PRIOR_SCORES: Final = 25
_LEFT_OUT_WEIGHT: Final = 0.25
_PRIOR_FACTORS: Final = (3.0, 1.5)  # noise and share: operations differ more in their noise
UNKNOWN_SHARED: Final = 0.5
_PRIOR_CURVES: Final = 4
_PRIOR_ROUNDS: Final = 2  # the first from the likelihoods alone
# The pairs of noise and share that are compared: [G] each.
_NOISES, _SHARES = (
    grid.ravel() for grid in np.meshgrid(np.geomspace(2e-4, 1, 24), np.geomspace(0.01, 2, 15))
)


@dataclass(frozen=True, slots=True)
class Errors:
    """Errors of predictions `values` [N], log(predicted / measured), and what their scale is of.

    `jumps` [N] are the log-jumps of the brackets they lie in, `left_out` [N] the |log| left-out
    errors of the knots around.
    """

    values: Float64
    jumps: Float64
    left_out: Float64

    def log_likelihoods(self) -> Float64:
        """Log-likelihood of each error at each pair of noise and share, [G, N]."""
        scales = error_scales(_NOISES[:, None], _SHARES[:, None], self.jumps, self.left_out)
        tails = np.log1p((self.values / scales) ** 2 / FREEDOM)
        found: Float64 = -np.log(scales) - (FREEDOM + 1) / 2 * tails
        return found


@dataclass(frozen=True, slots=True)
class Scored:
    """A fitted curve and the calibration points that it does not pass through.

    `tokens` [K] are its knots, `values` [K] their latencies in any one unit, `segments` [K] as for
    `interpolate`. `calibration_tokens` [C] and `calibration_values` [C] are the same of the
    calibration points.
    """

    fit: Fit
    tokens: Int64
    values: Float64
    segments: Int64 | None = None
    calibration_tokens: Int64 = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    calibration_values: Float64 = field(default_factory=lambda: np.empty(0))

    @property
    def left_out(self) -> Float64:
        """|log| error of each knot when it is predicted from the others, [K].

        The first and the last knot are predicted by the latency of their neighbour, or by the line
        through their two neighbours where that is closer.
        """
        first = _end_error(self.tokens[:3], self.values[:3])
        last = _end_error(self.tokens[:-4:-1], self.values[:-4:-1])
        errors: Float64 = np.r_[first, np.abs(self._inner_errors()), last]
        return errors

    def left_out_errors(self) -> Errors:
        """The errors of the inner knots, [K - 2]; leaving a knot out joins two brackets."""
        jumps = np.abs(np.log(self.values[2:] / self.values[:-2])) / 2
        around = self.left_out
        return Errors(
            self._inner_errors(), jumps, np.sqrt((around[:-2] ** 2 + around[2:] ** 2) / 2)
        )

    def calibration_errors(self) -> Errors:
        """The errors of the calibration points within the domain."""
        sizes = self.calibration_tokens
        inside = (sizes >= self.tokens[0]) & (sizes <= self.tokens[-1])
        sizes, measured = sizes[inside], self.calibration_values[inside]
        predicted = interpolate(self.fit, self.tokens, self.values, sizes, self.segments)
        return Errors(
            np.log(predicted / measured),
            log_jumps(self.tokens, self.values, sizes),
            bracket_left_out(self.tokens, self.left_out, sizes),
        )

    def _inner_errors(self) -> Float64:
        predicted = leave_one_out(self.fit, self.tokens, self.values, self.segments)
        errors: Float64 = np.log(predicted / self.values[1:-1])
        return errors


def _end_error(tokens: Int64, values: Float64) -> float:
    """|log| error of the first of two or three knots when it is predicted from the others."""
    predictions = [values[1]]
    if len(tokens) > 2:
        slope = (values[2] - values[1]) / (tokens[2] - tokens[1])
        predictions.append(values[1] + slope * (tokens[0] - tokens[1]))
    return min(abs(float(np.log(one / values[0]))) for one in predictions if one > 0)


def score_curves(curves: Sequence[Scored]) -> tuple[list[ErrorScale], IntervalScores]:
    """The scale of each curve's errors, and the scores of all curves.

    A model without any calibration point takes the scores of its left-out knots.
    """
    if not curves:
        return [], _interval_scores([], LEFT_OUT)
    unseen = [curve.calibration_errors() for curve in curves]
    left_out = [curve.left_out_errors() for curve in curves]
    calibrated = any(len(errors.values) for errors in unseen)
    likelihoods = [errors.log_likelihoods() for errors in unseen]
    weak = [_LEFT_OUT_WEIGHT * errors.log_likelihoods() for errors in left_out]
    posteriors = _posteriors(
        np.array([c.sum(1) + k.sum(1) for c, k in zip(likelihoods, weak, strict=True)])
    )
    scales = [ErrorScale(*map(float, _scale_of(posterior))) for posterior in posteriors]
    errors, own = (unseen, likelihoods) if calibrated else (left_out, weak)
    scores = [_scores(*one) for one in zip(errors, own, posteriors, strict=True)]
    return scales, _interval_scores(scores, CALIBRATED if calibrated else LEFT_OUT)


def _posteriors(log_likelihoods: Float64) -> Float64:
    """Log-weight of each pair of noise and share for each curve, from likelihoods, both [C, G]."""
    log_pairs = np.log([_NOISES, _SHARES])
    posteriors = log_likelihoods
    for _ in range(_PRIOR_ROUNDS):
        middle = np.median([_means(one, log_pairs) for one in posteriors], axis=0)
        distances = (log_pairs - middle[:, None]) / np.log(_PRIOR_FACTORS)[:, None]
        posteriors = log_likelihoods - (distances**2).sum(0) / 2
    return posteriors


def _scale_of(log_weights: Float64) -> Float64:
    """Root mean square of noise and share [2, ...] at log-weights of the pairs [G, ...]."""
    found: Float64 = np.sqrt(_means(log_weights, np.square([_NOISES, _SHARES])))
    return found


def _means(log_weights: Float64, values: Float64) -> Float64:
    """Mean of values of the pairs [2, G] at log-weights of the pairs [G, ...], [2, ...]."""
    weights = np.exp(log_weights - log_weights.max(0))
    means: Float64 = values @ weights / weights.sum(0)
    return means


def _scores(errors: Errors, log_likelihoods: Float64, posterior: Float64) -> Float64:
    """Errors [N] by their scale, each of which is estimated without that error."""
    noises, shares = _scale_of(posterior[:, None] - log_likelihoods)
    scales = error_scales(noises, shares, errors.jumps, errors.left_out)
    scores: Float64 = errors.values / scales
    return scores


def _interval_scores(scores: Sequence[Float64], method: str) -> IntervalScores:
    """What the file holds of the signed scores of each curve."""
    found = np.abs(np.concatenate([np.empty(0), *scores]))
    levels = (np.arange(_PRIOR_SCORES) + 0.5) / _PRIOR_SCORES
    ascending = np.sort(np.r_[found, [half_width(1.0, FREEDOM, level) for level in levels]])
    quantiles = {str(percent): conformal_quantile(ascending, percent) for percent in COVERAGES_PCT}
    known = {percent: value for percent, value in quantiles.items() if value is not None}
    shared = shared_variance(scores) if method == CALIBRATED else UNKNOWN_SHARED
    return IntervalScores(method=method, n=len(found), quantiles=known, shared=shared)


def shared_variance(scores: Sequence[Float64]) -> float:
    """Part of the variance of the scores that is common to all curves, from 0 to 1.

    It is the mean product of the signed scores of two points of different curves, over the mean
    square of a score (the intraclass correlation). One run has seen few moments of its machine, so
    four further curves count as correlated by a half.
    """
    kept = [np.clip(one, -PRIOR[95], PRIOR[95]) for one in scores if len(one)]
    counts, sums = (np.array([f(one) for one in kept], dtype=float) for f in (len, np.sum))
    pairs = counts.sum() ** 2 - (counts**2).sum()
    square = np.mean(np.concatenate([np.empty(0), *kept]) ** 2) if pairs else 0.0
    if not square:
        return UNKNOWN_SHARED
    correlation = (sums.sum() ** 2 - (sums**2).sum()) / pairs / square
    known, prior = len(kept) * np.clip(correlation, 0, 1), _PRIOR_CURVES * UNKNOWN_SHARED
    return float((known + prior) / (len(kept) + _PRIOR_CURVES))
