"""Evaluate the fit of a surface at (tokens, active experts), with its interval.

Latency is the sum of four terms: a constant, active experts (each reads its weights), tokens (each
adds arithmetic), and rows per expert beyond one tile. It is multiplied by the ratio of measured
latency to that sum at the nearest knots, in octaves, so that each knot is exact.
"""

from typing import Final

import numpy as np

from ...stats.arrays import Float64, Int64
from ...store.cost_model import SurfaceModel
from ..curve.intervals import knot_half_widths

TILE_ROWS: Final = 16
_SAME_OCTAVES: Final = 1e-9


def evaluate(surface: SurfaceModel, tokens: int, experts: int) -> float:
    """Latency in us at `tokens` and active `experts`, both at least 1."""
    known = np.array(surface.knots_tokens), np.array(surface.knots_experts)
    coefficients = np.array(surface.coefficients_us)
    ratios = np.array(surface.latency_us) / (terms(*known, surface.top_k) @ coefficients)
    asked = np.array([tokens]), np.array([experts])
    sum_us = float((terms(*asked, surface.top_k) @ coefficients)[0])
    return sum_us * nearest_ratio(known, ratios, tokens, experts)


def half_width(surface: SurfaceModel, tokens: int, experts: int, percent: int) -> float:
    """Half width of the interval at coverage `percent`, as a |log| ratio.

    It is the fit's, and at a knot the knot's own where that is wider. A file before version 1.3
    holds the fit's half width at 95 % alone, which is then used at every coverage.
    """
    half = surface.half_widths.get(str(percent), surface.half_width_95)
    own = knot_half_widths(surface.latency_half_95, surface.left_out, percent)
    knots = list(zip(surface.knots_tokens, surface.knots_experts, strict=True))
    if own is None or (tokens, experts) not in knots:
        return half
    return max(half, float(own[knots.index((tokens, experts))]))


def nearest_knots(surface: SurfaceModel, tokens: int, experts: int) -> list[int]:
    """Places of the knots that are nearest in octaves: one, or several at the same distance."""
    known = np.array(surface.knots_tokens), np.array(surface.knots_experts)
    return [int(place) for place in _nearest(known, tokens, experts)]


def terms(tokens: Int64 | Float64, experts: Int64 | Float64, top_k: int) -> Float64:
    """The four terms at tokens [K] and active experts [K], as the columns of [K, 4]."""
    beyond = np.maximum(0.0, tokens * top_k / experts - TILE_ROWS)
    return np.stack([np.ones(len(tokens)), experts, tokens, beyond], axis=1)


def nearest_ratio(known: tuple[Int64, Int64], ratios: Float64, tokens: int, experts: int) -> float:
    """Geometric mean of `ratios` [K] over the points of `known` ([K], [K]) that are nearest."""
    return float(np.exp(np.log(ratios[_nearest(known, tokens, experts)]).mean()))


def _nearest(known: tuple[Int64, Int64], tokens: int, experts: int) -> Int64:
    distance = np.hypot(np.log2(known[0] / tokens), np.log2(known[1] / experts))
    return np.flatnonzero(distance <= distance.min() + _SAME_OCTAVES)
