"""Energy of a surface: E = P t r, as on a curve, from the metered knots.

Power P and the ratio r of sustained to single calls are interpolated linearly over tokens at each
metered number of active experts, and over the logarithm between two such numbers. Time t is the
surface's own.
"""

from collections.abc import Sequence
from math import hypot, log
from typing import Any, Final

import numpy as np

from ...stats.arrays import Float64, Int64
from ...store.cost_model import FitError, SurfaceModel
from ..curve.metered_knots import energies
from ..rows import Row, all_rounded

_MIN_POINTS: Final = 3  # below, no point can be predicted from the others


def surface_energy_fields(surface: str, knots: Sequence[Row]) -> dict[str, Any]:
    """Fields of SurfaceModel that hold the energy, or the reason why there is none."""
    fields, places = energies(surface, knots)
    if not places:
        return fields
    tokens = np.array([knots[place]["tokens"] for place in places], dtype=np.int64)
    experts = np.array([knots[place]["active_experts"] for place in places], dtype=np.int64)
    latency_us = np.array([knots[place]["latency_us"] for place in places])
    errors = _left_out_errors(tokens, experts, np.array(fields["energy_mj"]) / latency_us)
    return {**fields, "energy_knots": tuple(places), "power_error": _fit_error(errors)}


def power_drawn(
    surface: SurfaceModel, tokens: int, experts: int
) -> tuple[float, float, float] | None:
    """Power in W, the ratio of sustained to single calls, and the relative half width of power.

    The half width is NaN where unknown. Outside the knots, the values are those of the nearest size
    inside. None unless both neighbouring numbers of experts were metered at fewer and at more
    tokens than `tokens`.
    """
    if surface.energy_mj is None:
        return None
    tokens, experts = (
        _clipped(surface.knots_tokens, tokens),
        _clipped(surface.knots_experts, experts),
    )
    places = list(surface.energy_knots)
    known = np.array(surface.knots_tokens)[places], np.array(surface.knots_experts)[places]
    if not _reaches(*known, tokens, experts, surface.top_k):
        return None
    ratios = np.array(surface.sustained_ratio or np.ones(len(places)))
    powers_w = 1000 * np.array(surface.energy_mj) / np.array(surface.latency_us)[places] / ratios
    power_w, ratio = (_between(*known, values, tokens, experts) for values in (powers_w, ratios))
    return power_w, ratio, _half_width(surface, known, tokens, experts)


def _clipped(sizes: Sequence[int], size: int) -> int:
    return min(max(size, min(sizes)), max(sizes))


def _reaches(tokens: Int64, experts: Int64, at_tokens: int, at_experts: int, top_k: int) -> bool:
    """Whether both neighbouring numbers of experts were metered at fewer and at more tokens.

    No knot at fewer tokens is needed where `at_tokens` cannot reach that many experts.
    """
    below, above = experts[experts <= at_experts], experts[experts >= at_experts]
    if not (len(below) and len(above)):
        return False
    for number in (below.max(), above.min()):
        row = tokens[experts == number]
        cannot_be = at_tokens * top_k < number
        if at_tokens > row.max() or (at_tokens < row.min() and not cannot_be):
            return False
    return True


def _half_width(
    surface: SurfaceModel, known: tuple[Int64, Int64], tokens: int, experts: int
) -> float:
    """Relative half width of power; NaN where unknown.

    At a metered point it is the point's own; elsewhere the widest one of all points and the
    leave-one-out error are added in quadrature.
    """
    own = surface.energy_ci95
    p95 = None if surface.power_error is None else surface.power_error.log_ratio
    here = np.flatnonzero((known[0] == tokens) & (known[1] == experts))
    if len(here):
        return float("nan") if own is None else own[int(here[0])]
    return float("nan") if p95 is None else hypot(p95, max(own or (0.0,)))


def _between(
    tokens: Int64, experts: Int64, values: Float64, at_tokens: int, at_experts: int
) -> float:
    """Interpolate over tokens at each number of experts, then over the log of that number."""
    numbers = np.unique(experts)
    at_each = [
        np.interp(at_tokens, tokens[experts == number], values[experts == number])
        for number in numbers
    ]
    return float(np.interp(log(at_experts), np.log(numbers), at_each))


def _left_out_errors(tokens: Int64, experts: Int64, values: Float64) -> Float64:
    """Relative leave-one-out error of each point, [K]; [0] below three points."""
    if len(values) < _MIN_POINTS:
        return np.zeros(0)
    errors = np.empty(len(values))
    for place in range(len(values)):
        rest = np.arange(len(values)) != place
        at = int(tokens[place]), int(experts[place])
        predicted = _between(tokens[rest], experts[rest], values[rest], *at)
        errors[place] = abs(predicted / values[place] - 1)
    return errors


def _fit_error(errors: Float64) -> FitError:
    if not len(errors):
        return FitError(None, None, 0)
    median, p95 = np.quantile(errors, [0.5, 0.95])
    found = {"median": float(median), "p95": float(p95), "n": len(errors)}
    return FitError(**all_rounded(found))
