"""A curve through measured points: linear, or a staircase whose steps lie at tile edges.

The time of a matrix product over batch size is a staircase: it rises where one more row needs one
more tile. A step fit says so between two knots, where a straight line would be wrong on both sides
of the edge. Where time falls, it falls along the tile that fills up, and a line serves it. Which
fit a curve gets is decided by leave-one-out, on its own knots and on those of its family, because
the knots of one curve alone are often too few to tell.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...stats.arrays import Float64, Int64
from ...store.cost_model import Fit, FitError

Losses = Mapping[Fit, float]

FITS: Final[tuple[Fit, ...]] = ("linear", "step", "step64")

# A bracket that rises by less than this, as a log ratio, is flat: a line serves it.
_FLAT: Final = 0.03
# A bracket wider than this has steps that cannot be placed: there, the curve rises once a tile of
# as many rows.
_WIDEST: Final[dict[Fit, int]] = {"step": 128, "step64": 64}
_SMALLEST_TILE: Final = 16
# The step fit must beat the line by 20 %, or a few knots choose it by chance: of 113 families in
# public tables of eleven GPUs, 12 are worse off than with lines at 10 %, and 3 at 20 %.
_MARGIN: Final = 0.8
# How much the mean of a family counts beside a curve's own loss.
_KIN: Final = 4.0
# One knot that no fit can predict must not decide alone.
_WORST_LOG_ERROR: Final = 0.3


def interpolate(
    fit: Fit, tokens: Int64, values: Float64, query: Int64, segments: Int64 | None = None
) -> Float64:
    """Evaluate a curve at `query`, of shape [Q], with values in the unit of `values`.

    `tokens` [K] ascend strictly, and `values` [K] are positive: the curve passes through them.
    Every size of `query` must lie between the first and the last of `tokens`. `segments` [K], where
    they are known, number the kernels of each knot: between two knots of one kernel with one grid
    there is no step, whatever the fit.
    """
    right = np.clip(np.searchsorted(tokens, query), 1, len(tokens) - 1)
    left = right - 1
    one_kernel = None if segments is None else segments[left] == segments[right]
    ends = tokens[left], tokens[right], values[left], values[right]
    return _between(fit, *ends, query, one_kernel)


def leave_one_out(
    fit: Fit, tokens: Int64, values: Float64, segments: Int64 | None = None
) -> Float64:
    """Predict each inner knot, shape [K - 2], from all the others."""
    one_kernel = None if segments is None else segments[:-2] == segments[2:]
    ends = tokens[:-2], tokens[2:], values[:-2], values[2:]
    return _between(fit, *ends, tokens[1:-1], one_kernel)


def fit_losses(tokens: Int64, values: Float64, segments: Int64 | None = None) -> dict[Fit, float]:
    """Give each fit's loss: the sum of |log errors| of left-out knots, of at most 30 % each."""
    losses: dict[Fit, float] = {}
    for fit in FITS:
        predicted = leave_one_out(fit, tokens, values, segments)
        log_errors = np.abs(np.log(predicted / values[1:-1]))
        losses[fit] = float(np.minimum(log_errors, _WORST_LOG_ERROR).sum())
    return losses


def choose_fit(own: Losses, family: Sequence[Losses] = ()) -> Fit:
    """Give the staircase that predicts left-out knots at least 20 % better than a line, or a line.

    What counts is the curve's `own` loss plus four times the mean over its `family`, itself among
    them: a very clear curve decides for itself, all others go with their family.
    """

    def loss(fit: Fit) -> float:
        return own[fit] + _KIN * sum(losses[fit] for losses in family) / max(1, len(family))

    best = min(_WIDEST, key=loss)
    return best if loss(best) < _MARGIN * loss("linear") else "linear"


def fit_error(fit: Fit, tokens: Int64, values: Float64, segments: Int64 | None = None) -> FitError:
    """Leave-one-out error of a fit, over the inner knots; None where there are none."""
    if len(tokens) < 3:
        return FitError(median=None, p95=None, n=0)
    errors = np.abs(leave_one_out(fit, tokens, values, segments) / values[1:-1] - 1)
    median, p95 = np.quantile(errors, [0.5, 0.95])
    return FitError(median=float(median), p95=float(p95), n=len(errors))


def log_jumps(tokens: Int64, values: Float64, query: Int64) -> Float64:
    """|log| ratio of the two knots that bracket each size of `query`; zero at a knot."""
    right = np.clip(np.searchsorted(tokens, query), 1, len(tokens) - 1)
    jumps: Float64 = np.abs(np.log(values[right] / values[right - 1]))
    jumps[(query == tokens[right]) | (query == tokens[right - 1])] = 0.0
    return jumps


def _linear(left: Int64, right: Int64, low: Float64, high: Float64, query: Int64) -> Float64:
    share = (query - left) / (right - left)
    # Not low + share * (high - low): this form is exact at both ends.
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
    line = _linear(left, right, low, high, query)
    if fit == "linear":
        return line
    stairs = _step(_WIDEST[fit], left, right, low, high, query)
    return stairs if one_kernel is None else np.where(one_kernel, line, stairs)


def _step(
    widest: int, left: Int64, right: Int64, low: Float64, high: Float64, query: Int64
) -> Float64:
    """One step up at the tile edge of a narrow bracket; in a wide one, a rise from tile to tile."""
    rise = np.log(high / low)
    narrow = right - left <= widest
    tile = np.where(narrow | (rise < 0), 1, widest)
    up_left, up_right, up_query = (-(-sizes // tile) * tile for sizes in (left, right, query))
    sloped = _linear(up_left, up_right, low, high, up_query)
    edge = _tile_edge(left, right)
    stepped = narrow & (edge >= 0) & (rise > _FLAT)
    return np.where(stepped, np.where(query <= edge, low, high), sloped)


def _tile_edge(left: Int64, right: Int64) -> Int64:
    """Find the size in [left, right) that the largest power of two divides.

    The last row of a tile is a multiple of the tile, which is a power of two of at least 16. Gives
    -1 where the bracket holds no multiple of 16.
    """
    edge = np.full(left.shape, -1, dtype=np.int64)
    tile = _SMALLEST_TILE
    while tile < right.max(initial=0):
        multiple = -(-left // tile) * tile
        edge = np.where(multiple < right, multiple, edge)
        tile *= 2
    return edge
