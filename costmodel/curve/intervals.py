"""Half widths of predictions: a quantile of the model's scores times the scale of the error.

The scale of the error at a size is made of three parts, added in quadrature:

    scale² = noise² + (jump_share * log-jump of the bracket)² + (left-out error of its knots / 3)²

`noise` and `jump_share` are the curve's own (`scores.py`). The log-jump is the |log| ratio of the
two knots around the size, at most 0.2: the fit may place a step at the wrong side of it, and a
bracket that rises by more holds a slope or several steps. The left-out error is
the root mean square of those of the two knots: where they do not agree with their neighbours, a
knot between them may not either. At a knot the last two parts are zero.

The interval of a knot's own calls counts at the knot alone, and at most as far as the other knots
contradict the knot. Between knots it says nothing more than the left-out errors do: in simulations
of knots with scattered calls, right and wrong ones, no use of it there gave a better score.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from types import MappingProxyType
from typing import Final

import numpy as np

from ...stats.arrays import Float64, Int64
from ...stats.conformal import OF_95

FREEDOM: Final = 3  # degrees of freedom of Student's t, the distribution of error over scale
LEFT_OUT_SHARE: Final = 1 / 3
# On public tables of A100, A40, H100 and others, errors do not grow with a jump beyond this.
MOST_JUMP: Final = 0.2
# Quantiles of that distribution, by coverage in percent: for a model without scores of its own.
PRIOR: Final = MappingProxyType({50: 0.765, 80: 1.638, 90: 2.353, 95: 3.182})
PRIOR_DRIFT: Final = 0.3
_MAX_HALF_WIDTH: Final = log(1e6)  # which means that nothing is known


@dataclass(frozen=True, slots=True)
class ErrorScale:
    """What the scale of a curve's errors follows from, beside its left-out errors.

    `noise` is the scale in a flat bracket, as a |log| ratio; `jump_share` the part of a bracket's
    log-jump that it grows by.
    """

    noise: float
    jump_share: float


def error_scales(
    noise: float | Float64, jump_share: float | Float64, jumps: Float64, left_out: Float64
) -> Float64:
    """Scale of the error [N] in brackets of these log-jumps and left-out errors [N]."""
    stepped = jump_share * np.minimum(jumps, MOST_JUMP)
    scales: Float64 = np.sqrt(noise**2 + stepped**2 + (LEFT_OUT_SHARE * left_out) ** 2)
    return scales


def bracket_left_out(tokens: Int64, left_out: Float64, query: Int64) -> Float64:
    """Root mean square left-out error of the two knots around each size [Q]; zero at a knot."""
    right = np.searchsorted(tokens, query)
    left = np.searchsorted(tokens, query, side="right") - 1
    both: Float64 = np.sqrt((left_out[left] ** 2 + left_out[right] ** 2) / 2)
    return np.where(left == right, 0.0, both)


def half_widths(quantile: float, scales: Float64) -> Float64:
    """Half widths [N], as |log| ratios, of errors of these scales [N]; at most log of a million."""
    return np.minimum(quantile * scales, _MAX_HALF_WIDTH)


def knot_half_widths(
    own_95: Sequence[float | None] | None, left_out: Sequence[float] | None, percent: int
) -> Float64 | None:
    """Half width [K] at each knot from its own calls, at most as the other knots contradict it.

    `own_95` [K] are the half widths at 95 % of the knots' own intervals, None where unknown, which
    counts as 0; `left_out` [K] are their left-out errors, None in an old file. All are |log|
    ratios. None where no knot has an interval.
    """
    if own_95 is None:
        return None
    halves = np.array([half or 0.0 for half in own_95])
    if left_out is not None:
        halves = np.minimum(halves, PRIOR[95] * np.array(left_out))
    return halves * OF_95[percent]
