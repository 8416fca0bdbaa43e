"""A curve through measured points: linear, or a staircase whose steps lie at tile edges.

The time of a matrix product over batch size is a staircase: it rises where one more row needs one
more tile. A step fit says so between two knots, where a straight line would be wrong on both sides
of the edge. Which of the two a curve gets is decided by leave-one-out on its own knots.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..store.cost_model import Fit, FitError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# A bracket whose ends differ by less than this, as a |log| ratio, is flat: a line serves it.
_FLAT: Final = 0.03
# The step of a wider bracket cannot be placed: there, the curve rises once a tile.
_WIDEST_STEP: Final = 128
_SMALLEST_TILE: Final = 16
# The step fit must beat the line by 10 %, or a few knots choose it by chance.
_MARGIN: Final = 0.9
# One knot that no fit can predict must not decide alone.
_WORST_LOG_ERROR: Final = 0.3


def interpolate(fit: Fit, tokens: Ints, values: Floats, query: Ints) -> Floats:
    """Evaluate a curve at `query`, of shape [Q], with values in the unit of `values`.

    `tokens` [K] ascend strictly, and `values` [K] are positive: the curve passes through them.
    Every size of `query` must lie between the first and the last of `tokens`.
    """
    right = np.clip(np.searchsorted(tokens, query), 1, len(tokens) - 1)
    left = right - 1
    return _BETWEEN[fit](tokens[left], tokens[right], values[left], values[right], query)


def leave_one_out(fit: Fit, tokens: Ints, values: Floats) -> Floats:
    """Predict each inner knot, shape [K - 2], from all the others."""
    return _BETWEEN[fit](tokens[:-2], tokens[2:], values[:-2], values[2:], tokens[1:-1])


def choose_fit(tokens: Ints, values: Floats) -> Fit:
    """Give "step" where it predicts left-out knots at least 10 % better than "linear"."""

    def loss(fit: Fit) -> float:
        log_errors = np.abs(np.log(leave_one_out(fit, tokens, values) / values[1:-1]))
        return float(np.minimum(log_errors, _WORST_LOG_ERROR).sum())

    return "step" if loss("step") < _MARGIN * loss("linear") else "linear"


def fit_error(fit: Fit, tokens: Ints, values: Floats) -> FitError:
    """Leave-one-out error of a fit, over the inner knots; None where there are none."""
    if len(tokens) < 3:
        return FitError(median=None, p95=None, n=0)
    errors = np.abs(leave_one_out(fit, tokens, values) / values[1:-1] - 1)
    median, p95 = np.quantile(errors, [0.5, 0.95])
    return FitError(median=float(median), p95=float(p95), n=len(errors))


def log_jumps(tokens: Ints, values: Floats, query: Ints) -> Floats:
    """|log| ratio of the two knots that bracket each size of `query`; zero at a knot."""
    right = np.clip(np.searchsorted(tokens, query), 1, len(tokens) - 1)
    jumps: Floats = np.abs(np.log(values[right] / values[right - 1]))
    jumps[(query == tokens[right]) | (query == tokens[right - 1])] = 0.0
    return jumps


def _linear(left: Ints, right: Ints, low: Floats, high: Floats, query: Ints) -> Floats:
    share = (query - left) / (right - left)
    # Not low + share * (high - low): this form is exact at both ends.
    line: Floats = low * (1 - share) + high * share
    return line


def _step(left: Ints, right: Ints, low: Floats, high: Floats, query: Ints) -> Floats:
    """One step at the tile edge of a narrow bracket; in a wide one, a rise from tile to tile."""
    narrow = right - left <= _WIDEST_STEP
    tile = np.where(narrow, 1, _WIDEST_STEP)
    up_left, up_right, up_query = (-(-sizes // tile) * tile for sizes in (left, right, query))
    sloped = _linear(up_left, up_right, low, high, up_query)
    edge = _tile_edge(left, right)
    stepped = narrow & (edge >= 0) & (np.abs(np.log(high / low)) > _FLAT)
    return np.where(stepped, np.where(query <= edge, low, high), sloped)


def _tile_edge(left: Ints, right: Ints) -> Ints:
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


_BETWEEN: Final[dict[Fit, Callable[[Ints, Ints, Floats, Floats, Ints], Floats]]] = {
    "linear": _linear,
    "step": _step,
}
