"""Extrapolate beyond the knots: the roofline at the utilisation of the last knots.

aiconfigurator has the same rule (docs/design/perf_interp_design.md there). Above the domain the
utilisation is the highest of the last three knots, because it grows with the batch size and drops
behind each step; below the domain it is that of the first knot. The interval widens with each
doubling.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import numpy as np

from ...stats.arrays import Float64, Int64
from ...stats.conformal import conformal_quantile
from ...store.cost_model import IntervalScores
from ...store.errors import BadInput
from ..roofline import Roofline
from .intervals import PRIOR_DRIFT
from .scores import Scored

# Public GEMM curves are 9 % off at three octaves, in the median; nothing is known beyond four.
MAX_OCTAVES: Final = 4.0
_HELD_KNOTS: Final = 3
_MIN_OCTAVES: Final = 0.5


class OutOfRange(BadInput):
    """No cost: nothing near enough to `op` at `tokens` was measured, for the `reason`."""

    def __init__(self, op: str, tokens: int, reason: str, hint: str) -> None:
        super().__init__(f"{op} at batch size {tokens} cannot be told: {reason}", hint)
        self.op = op
        self.tokens = tokens
        self.reason = reason


def extend(tokens: Int64, values: Float64, bound: Roofline, query: Int64) -> Float64:
    """Latencies at sizes `query` [Q] outside the knots, in the unit of `values` [K]."""
    utilisation = bound.bound_us(tokens) / values
    above = utilisation[-_HELD_KNOTS:].max()
    held = np.where(query > tokens[-1], above, utilisation[0])
    predicted: Float64 = bound.bound_us(query) / held
    return predicted


def octaves_beyond(tokens: Int64, query: Int64) -> Float64:
    """Doublings between each size of `query` [Q] and the knots, [Q]; 0 within."""
    sizes = query.astype(np.float64)
    beyond = np.maximum(np.log2(sizes / tokens[-1]), np.log2(tokens[0] / sizes))
    octaves: Float64 = np.maximum(0.0, beyond)
    return octaves


def drift_scores(curve: Scored, bound: Roofline | None) -> Float64:
    """|log error| per octave of a curve's upper half, predicted from its lower half."""
    half = int(np.searchsorted(curve.tokens, curve.tokens[-1] / 2, side="right"))
    if bound is None or half < _HELD_KNOTS or half == len(curve.tokens):
        return np.empty(0)
    known, asked = curve.tokens[:half], curve.tokens[half:]
    predicted = extend(known, curve.values[:half], bound, asked)
    octaves = np.maximum(_MIN_OCTAVES, octaves_beyond(known, asked))
    scores: Float64 = np.abs(np.log(predicted / curve.values[half:])) / octaves
    return scores


def with_drift(intervals: IntervalScores, scores: Iterable[Float64]) -> IntervalScores:
    """Add the drift, the 95 % quantile of the drift scores of all curves."""
    ascending = np.sort(np.concatenate([np.empty(0), *scores]))
    return replace(intervals, drift_95=conformal_quantile(ascending, 95), drift_n=len(ascending))


def drift_half_widths(intervals: IntervalScores, octaves: Float64) -> Float64:
    """Half width that extrapolation by `octaves` [N] adds, as a |log| ratio; 0 within."""
    drift = PRIOR_DRIFT if intervals.drift_95 is None else intervals.drift_95
    widths: Float64 = np.where(octaves > 0, drift * np.maximum(_MIN_OCTAVES, octaves), 0.0)
    return widths
