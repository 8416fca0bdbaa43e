"""A routed operation over (tokens, experts that get any): what batch size alone does not tell.

Each active expert costs the reading of its weights, each token its arithmetic, and rows of one
expert beyond a tile cost a further tile. These four non-negative terms are fitted with relative
weights; the ratio of a measured point to their sum is kept and lent to the points nearest to it in
octaves, so that every measured point is exact.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from scipy.optimize import nnls

from ...stats.arrays import Float64, Int64
from ...store.cost_model import FitError, SurfaceModel
from ..curve.intervals import COVERAGES_PCT, OF_95, conformal_quantile
from ..rows import Row, all_rounded, half_widths_95, one_value, rounded
from .energy import surface_energy_fields

TILE_ROWS: Final = 16
_MIN_POINTS: Final = 6
_SAME: Final = 1e-9
_IDENTITY: Final = (
    *("op", "shape", "dtype", "weight_bits", "group_size", "experts", "top_k", "l2", "regime"),
    "latency_source",
)


def can_fit(knots: Sequence[Row]) -> bool:
    """Whether these points span a surface: several counts of both, and at least six points."""
    spans = all(len({row[key] for row in knots}) > 1 for key in ("tokens", "active_experts"))
    return spans and len(knots) >= _MIN_POINTS and knots[0]["top_k"] is not None


def fit_surface(name: str, knots: Sequence[Row], calibration: Sequence[Row] = ()) -> SurfaceModel:
    """Fit the points of one operation at one shape; take its intervals from those to calibrate.

    Where these are too few for an interval at 95 %, from its knots, each predicted from the others.
    Raises BadInput where the points mix two operations or shapes.
    """
    identity = {column: one_value(name, knots, column) for column in _IDENTITY}
    tokens = np.array([row["tokens"] for row in knots], dtype=np.int64)
    experts = np.array([row["active_experts"] for row in knots], dtype=np.int64)
    latency_us = np.array([row["latency_us"] for row in knots], dtype=np.float64)
    errors = left_out_errors(tokens, experts, latency_us, identity["top_k"])
    median, p95 = np.quantile(np.expm1(errors), [0.5, 0.95])
    coefficients = _coefficients(tokens, experts, latency_us, identity["top_k"])
    fitted = SurfaceModel(
        surface=name,
        **(identity | {"shape": tuple(identity["shape"] or ())}),
        knots_tokens=tuple(tokens.tolist()),
        knots_experts=tuple(experts.tolist()),
        latency_us=tuple(latency_us.tolist()),
        coefficients_us=(
            rounded(coefficients[0]),
            rounded(coefficients[1]),
            rounded(coefficients[2]),
            rounded(coefficients[3]),
        ),
        tile_rows=TILE_ROWS,
        error=FitError(
            **all_rounded({"median": float(median), "p95": float(p95), "n": len(errors)})
        ),
        half_width_95=0.0,
        latency_half_95=half_widths_95(name, knots),
        doubtful_knots=tuple(place for place, row in enumerate(knots) if row["marks"]),
        **surface_energy_fields(name, knots),
    )
    unseen = _errors_at(fitted, calibration)
    enough = conformal_quantile(np.sort(unseen), 95) is not None
    halves = _half_widths(unseen if enough else errors)
    return replace(fitted, half_width_95=halves["95"], half_widths=halves)


def _errors_at(surface: SurfaceModel, rows: Sequence[Row]) -> Float64:
    """|log error| of the surface at points that it was not fitted to, [N]."""
    told_us = [evaluate(surface, row["tokens"], row["active_experts"]) for row in rows]
    errors: Float64 = np.abs(np.log(np.array(told_us) / [row["latency_us"] for row in rows]))
    return errors


def _half_widths(errors: Float64) -> dict[str, float]:
    """Half width of the fit's interval at each nominal coverage, from |log| errors [K].

    Where they are too few for a quantile, twice the worst of them.
    """
    ascending = np.sort(errors)
    found = {percent: conformal_quantile(ascending, percent) for percent in COVERAGES_PCT}
    widest = 2 * float(ascending[-1])
    return {str(p): rounded(widest if half is None else half) for p, half in found.items()}


def half_width(surface: SurfaceModel, tokens: int, experts: int, percent: int) -> float:
    """Half width of an interval: that of the fit, or of a nearest knot if that is wider.

    A file before 1.3 has none but that at 95 %, which then stands for the others.
    """
    half = surface.half_widths.get(str(percent), surface.half_width_95)
    own = surface.latency_half_95
    if own is None:
        return half
    places = nearest_knots(surface, tokens, experts)
    return max(half, *(OF_95[percent] * (own[place] or 0.0) for place in places))


def nearest_knots(surface: SurfaceModel, tokens: int, experts: int) -> list[int]:
    """Places of the knots that are nearest in octaves."""
    known = np.array(surface.knots_tokens), np.array(surface.knots_experts)
    return [int(place) for place in _nearest(known, tokens, experts)]


def evaluate(surface: SurfaceModel, tokens: int, experts: int) -> float:
    """Latency in us at any tokens and active experts, both at least 1."""
    known = np.array(surface.knots_tokens), np.array(surface.knots_experts)
    coefficients = np.array(surface.coefficients_us)
    ratios = np.array(surface.latency_us) / (_terms(*known, surface.top_k) @ coefficients)
    asked = np.array([tokens]), np.array([experts])
    base = float((_terms(*asked, surface.top_k) @ coefficients)[0])
    return base * _nearest_ratio(known, ratios, tokens, experts)


def _terms(tokens: Int64, experts: Int64, top_k: int) -> Float64:
    """One row per point: 1, experts, tokens, rows per expert beyond a tile."""
    beyond = np.maximum(0.0, tokens * top_k / experts - TILE_ROWS)
    return np.stack([np.ones(len(tokens)), experts, tokens, beyond], axis=1)


def _coefficients(tokens: Int64, experts: Int64, values: Float64, top_k: int) -> list[float]:
    terms = _terms(tokens, experts, top_k)
    found, _ = nnls(terms / values[:, None], np.ones(len(values)))
    return [float(value) for value in found]


def _nearest_ratio(known: tuple[Int64, Int64], ratios: Float64, tokens: int, experts: int) -> float:
    """Mean of log ratios of the points that are nearest."""
    return float(np.exp(np.log(ratios[_nearest(known, tokens, experts)]).mean()))


def _nearest(known: tuple[Int64, Int64], tokens: int, experts: int) -> Int64:
    """Places of the points that are nearest in octaves."""
    distance = np.hypot(np.log2(known[0] / tokens), np.log2(known[1] / experts))
    return np.flatnonzero(distance <= distance.min() + _SAME)


def left_out_errors(tokens: Int64, experts: Int64, values: Float64, top_k: int) -> Float64:
    """Give the |log error| of each point when it is predicted from the others, [K]."""
    errors = np.empty(len(values))
    terms = _terms(tokens, experts, top_k)
    for i in range(len(values)):
        rest = np.arange(len(values)) != i
        coefficients = _coefficients(tokens[rest], experts[rest], values[rest], top_k)
        sums = np.maximum(terms @ np.array(coefficients), np.finfo(float).tiny)
        others = tokens[rest], experts[rest]
        ratio = _nearest_ratio(others, (values / sums)[rest], int(tokens[i]), int(experts[i]))
        errors[i] = abs(np.log(sums[i] * ratio / values[i]))
    return errors
