"""Fit a curve through the knots: linear, or a staircase with its steps at tile edges.

The latency of a matrix product rises where one more row needs one more tile. Between two knots the
staircase places one step at the tile edge, where a line would be wrong on both sides of it. Where
latency falls, the line is used: it falls gradually while a tile fills up. The fit of a curve is
chosen by leave-one-out, on its own knots and on those of its family, because the knots of one curve
are often too few.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...stats.arrays import Float64, Int64
from ...store.cost_model import Fit, FitError

Losses = Mapping[Fit, float]

FITS: Final[tuple[Fit, ...]] = ("linear", "step", "step64")

# A bracket that rises by less than this, as a log ratio, gets a line.
_FLAT: Final = 0.03
# Wider brackets hold several steps: there the staircase rises once per tile of as many rows.
_MAX_BRACKET_TOKENS: Final[dict[Fit, int]] = {"step": 128, "step64": 64}
_SMALLEST_TILE: Final = 16
# The loss of the staircase must be 20 % below that of the line, or a few knots choose it by chance.
# Of 113 families in public tables of eleven GPUs, the staircase is worse than lines in 12 at a
# margin of 10 %, in 3 at 20 %.
_MARGIN: Final = 0.8
_FAMILY_WEIGHT: Final = 4.0  # weight of the family's mean loss; the curve's own has weight 1
_MAX_LOG_ERROR: Final = 0.3  # one knot that no fit predicts must not decide alone


def interpolate(
    fit: Fit, tokens: Int64, values: Float64, query: Int64, segments: Int64 | None = None
) -> Float64:
    """Evaluate a curve at the sizes `query` [Q], in the unit of `values`.

    The curve passes through the knots: `tokens` [K] ascend strictly, `values` [K] are positive.
    Every size of `query` must lie between the first and the last knot. `segments` [K], where known,
    give knots with the same kernels and grids the same number: between two such knots there is no
    step.
    """
    right = np.clip(np.searchsorted(tokens, query), 1, len(tokens) - 1)
    left = right - 1
    one_kernel = None if segments is None else segments[left] == segments[right]
    ends = tokens[left], tokens[right], values[left], values[right]
    return _between(fit, *ends, query, one_kernel)


def leave_one_out(
    fit: Fit, tokens: Int64, values: Float64, segments: Int64 | None = None
) -> Float64:
    """Prediction of each inner knot from all the others, [K - 2]."""
    one_kernel = None if segments is None else segments[:-2] == segments[2:]
    ends = tokens[:-2], tokens[2:], values[:-2], values[2:]
    return _between(fit, *ends, tokens[1:-1], one_kernel)


def fit_losses(tokens: Int64, values: Float64, segments: Int64 | None = None) -> dict[Fit, float]:
    """Loss by fit: the sum of the leave-one-out |log errors|, each at most 0.3."""
    losses: dict[Fit, float] = {}
    for fit in FITS:
        predicted = leave_one_out(fit, tokens, values, segments)
        log_errors = np.abs(np.log(predicted / values[1:-1]))
        losses[fit] = float(np.minimum(log_errors, _MAX_LOG_ERROR).sum())
    return losses


def choose_fit(own: Losses, family: Sequence[Losses] = ()) -> Fit:
    """The better staircase if its loss is at least 20 % below that of the line, else the line.

    The loss is the curve's `own` plus four times the mean over its `family`, the curve included.
    """

    def loss(fit: Fit) -> float:
        mean = sum(losses[fit] for losses in family) / max(1, len(family))
        return own[fit] + _FAMILY_WEIGHT * mean

    best = min(_MAX_BRACKET_TOKENS, key=loss)
    return best if loss(best) < _MARGIN * loss("linear") else "linear"


def fit_error(fit: Fit, tokens: Int64, values: Float64, segments: Int64 | None = None) -> FitError:
    """Leave-one-out error of a fit over the inner knots; None where there are none."""
    if len(tokens) < 3:
        return error_summary(np.empty(0))
    return error_summary(leave_one_out(fit, tokens, values, segments) / values[1:-1])


def error_summary(ratios: Float64) -> FitError:
    """Median and 95th percentile of |ratio - 1| over `ratios` [N]; None where there are none."""
    if not len(ratios):
        return FitError(median=None, p95=None, n=0)
    median, p95 = np.quantile(np.abs(ratios - 1), [0.5, 0.95])
    return FitError(median=float(median), p95=float(p95), n=len(ratios))


def log_jumps(tokens: Int64, values: Float64, query: Int64) -> Float64:
    """|log| ratio of the two knots around each size of `query` [Q]; zero at a knot."""
    right = np.clip(np.searchsorted(tokens, query), 1, len(tokens) - 1)
    jumps: Float64 = np.abs(np.log(values[right] / values[right - 1]))
    jumps[(query == tokens[right]) | (query == tokens[right - 1])] = 0.0
    return jumps


def _linear(left: Int64, right: Int64, low: Float64, high: Float64, query: Int64) -> Float64:
    share = (query - left) / (right - left)
    # low + share * (high - low) would not be exact at the right end.
    line: Float64 = low * (1 - share) + high * share
    return line


def _between(
    fit: Fit,
    left: Int64,
    right: Int64,
    low: Float64,
    high: Float64,
    query: Int64,
    one_kernel: NDArray[np.bool_] | None,
) -> Float64:
    """Value at each size of `query` [Q] in its bracket, all arrays [Q].

    A bracket has the sizes `left` and `right` and the values `low` and `high` there. Where
    `one_kernel` is True, both ends run the same kernels, and the bracket gets a line.
    """
    line = _linear(left, right, low, high, query)
    if fit == "linear":
        return line
    stairs = _staircase(_MAX_BRACKET_TOKENS[fit], left, right, low, high, query)
    return stairs if one_kernel is None else np.where(one_kernel, line, stairs)


def _staircase(
    widest: int, left: Int64, right: Int64, low: Float64, high: Float64, query: Int64
) -> Float64:
    """One step up at the tile edge of a narrow bracket; a wide one rises once per tile."""
    rise = np.log(high / low)
    narrow = right - left <= widest
    tile = np.where(narrow | (rise < 0), 1, widest)
    up_left, up_right, up_query = (-(-sizes // tile) * tile for sizes in (left, right, query))
    sloped = _linear(up_left, up_right, low, high, up_query)
    edge = _tile_edge(left, right)
    stepped = narrow & (edge >= 0) & (rise > _FLAT)
    return np.where(stepped, np.where(query <= edge, low, high), sloped)


def _tile_edge(left: Int64, right: Int64) -> Int64:
    """The size in [left, right) that is divisible by the largest power of two, at least 16.

    Tiles have a power of two of rows, so the last size of a tile is such a multiple. -1 where the
    bracket holds no multiple of 16.
    """
    edge = np.full(left.shape, -1, dtype=np.int64)
    tile = _SMALLEST_TILE
    while tile < right.max(initial=0):
        multiple = -(-left // tile) * tile
        edge = np.where(multiple < right, multiple, edge)
        tile *= 2
    return edge
