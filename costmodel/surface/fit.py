"""Fit a routed operation over (tokens, active experts): latency is not a function of tokens alone.

The coefficients of the four terms of `prediction` are fitted by non-negative least squares on
relative errors. The time of one more active expert is that of reading its weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ...stats.arrays import Float64, Int64
from ...stats.conformal import COVERAGES_PCT, conformal_quantile
from ...store.cost_model import FitError, SurfaceModel
from ...store.document import MAX_LOG_RATIO
from ...store.scenario import SurfaceKey
from ..rows import (
    Row,
    all_rounded,
    checked_knots,
    half_widths_95,
    identity,
    is_unconfirmed,
    one_value,
    rounded,
)
from .energy import surface_energy_fields
from .prediction import TILE_ROWS, evaluate, nearest_ratio, terms

_MIN_POINTS: Final = 6


@dataclass(frozen=True, slots=True)
class _Knots:
    """Measured points: tokens [K], active experts [K], latency [K] in us, and the top-k of all."""

    tokens: Int64
    experts: Int64
    latency_us: Float64
    top_k: int


def can_fit(knots: Sequence[Row]) -> bool:
    """Whether there are six points or more, over several tokens and several active experts."""
    spans = all(len({row[key] for row in knots}) > 1 for key in ("tokens", "active_experts"))
    return spans and len(knots) >= _MIN_POINTS and knots[0]["top_k"] is not None


def fit_surface(name: str, knots: Sequence[Row], calibration: Sequence[Row] = ()) -> SurfaceModel:
    """Fit the points of one operation at one shape, those of `calibration` among them.

    The intervals come from the errors at `calibration` of the fit without these points. Where they
    are too few for an interval at 95 %, the intervals come from all points, each predicted from the
    others. Raises BadInput where the points mix two operations or shapes.
    """
    unseen = _errors_at(_fit_knots(name, knots), calibration)
    fitted = _fit_knots(name, checked_knots(name, (*knots, *calibration)))
    enough = conformal_quantile(np.sort(unseen), 95) is not None
    halves = _half_widths(unseen if enough else np.array(fitted.left_out))
    return replace(fitted, half_width_95=halves["95"], half_widths=halves)


def _fit_knots(name: str, knots: Sequence[Row]) -> SurfaceModel:
    """Fit these points; the surface has no intervals yet."""
    key = identity(name, knots, SurfaceKey)
    points = _Knots(
        np.array([row["tokens"] for row in knots], dtype=np.int64),
        np.array([row["active_experts"] for row in knots], dtype=np.int64),
        np.array([row["latency_us"] for row in knots], dtype=np.float64),
        key["top_k"],
    )
    errors = left_out_errors(points.tokens, points.experts, points.latency_us, points.top_k)
    constant, per_expert, per_token, per_row = map(rounded, _coefficients(points))
    return SurfaceModel(
        surface=name,
        **key,
        knots_tokens=tuple(points.tokens.tolist()),
        knots_experts=tuple(points.experts.tolist()),
        latency_us=tuple(points.latency_us.tolist()),
        latency_source=one_value(name, knots, "latency_source"),
        coefficients_us=(constant, per_expert, per_token, per_row),
        tile_rows=TILE_ROWS,
        error=_fit_error(errors),
        half_width_95=0.0,
        latency_half_95=half_widths_95(name, knots),
        left_out=tuple(rounded(min(error, MAX_LOG_RATIO)) for error in errors.tolist()),
        doubtful_knots=tuple(place for place, row in enumerate(knots) if row["marks"]),
        unconfirmed_knots=tuple(place for place, row in enumerate(knots) if is_unconfirmed(row)),
        **surface_energy_fields(name, knots),
    )


def left_out_errors(tokens: Int64, experts: Int64, latency_us: Float64, top_k: int) -> Float64:
    """|log error| of each point, [K], when it is predicted from all the others."""
    errors = np.empty(len(latency_us))
    known = terms(tokens, experts, top_k)
    for place in range(len(latency_us)):
        rest = np.arange(len(latency_us)) != place
        others = _Knots(tokens[rest], experts[rest], latency_us[rest], top_k)
        sums = np.maximum(known @ np.array(_coefficients(others)), np.finfo(float).tiny)
        ratios = others.latency_us / sums[rest]
        at = int(tokens[place]), int(experts[place])
        ratio = nearest_ratio((others.tokens, others.experts), ratios, *at)
        errors[place] = abs(np.log(sums[place] * ratio / latency_us[place]))
    return errors


def _coefficients(knots: _Knots) -> list[float]:
    """Four non-negative coefficients, in us, that minimise the sum of squared relative errors."""
    from scipy.optimize import nnls  # here: it takes 0.2 s, and few models have surfaces

    columns = terms(knots.tokens, knots.experts, knots.top_k) / knots.latency_us[:, None]
    found, _ = nnls(columns, np.ones(len(knots.latency_us)))
    return [float(value) for value in found]


def _fit_error(log_errors: Float64) -> FitError:
    median, p95 = np.quantile(np.expm1(log_errors), [0.5, 0.95])
    return FitError(rounded(float(median)), rounded(float(p95)), len(log_errors))


def _errors_at(surface: SurfaceModel, rows: Sequence[Row]) -> Float64:
    """|log error| of the surface at points [N] that it was not fitted to."""
    predicted_us = [evaluate(surface, row["tokens"], row["active_experts"]) for row in rows]
    measured_us = [row["latency_us"] for row in rows]
    errors: Float64 = np.abs(np.log(np.array(predicted_us) / measured_us))
    return errors


def _half_widths(errors: Float64) -> dict[str, float]:
    """Half width of the fit's interval at each nominal coverage, from |log| errors [K].

    Twice the largest error where they are too few for a quantile.
    """
    ascending = np.sort(errors)
    widest = 2 * float(ascending[-1])
    quantiles = {str(p): conformal_quantile(ascending, p) for p in COVERAGES_PCT}
    return all_rounded({p: widest if half is None else half for p, half in quantiles.items()})
