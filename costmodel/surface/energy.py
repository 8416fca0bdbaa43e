"""Energy of a surface: E = P t r, as on a curve, from the metered knots.

Energy and the times of sustained and of single calls are interpolated linearly over tokens at each
metered number of active experts, and over the logarithm between two such numbers. Power P and the
ratio r of the two times are quotients of these. Time t is the surface's own.
"""

from collections.abc import Sequence
from dataclasses import asdict
from math import hypot, log
from typing import Any, Final

import numpy as np

from ...stats.arrays import Float64, Int64
from ...store.cost_model import FitError, SurfaceModel
from ..curve.fit import error_summary
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
    error = error_summary(
        _left_out_ratios((tokens, experts), np.array(fields["energy_mj"]), latency_us)
    )
    power_error = FitError(**all_rounded(asdict(error)))
    return {**fields, "energy_knots": tuple(places), "power_error": power_error}


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
    single_us = np.array(surface.latency_us)[places]
    steady_us = single_us * np.array(surface.sustained_ratio or np.ones(len(places)))
    energy_mj, single, steady = (
        _between(*known, values, tokens, experts)
        for values in (np.array(surface.energy_mj), single_us, steady_us)
    )
    return 1000 * energy_mj / steady, steady / single, _half_width(surface, known, tokens, experts)


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


def _left_out_ratios(
    known: tuple[Int64, Int64], energy_mj: Float64, latency_us: Float64
) -> Float64:
    """Predicted over measured power of each point, [K], from the others; [0] below three points."""
    if len(energy_mj) < _MIN_POINTS:
        return np.zeros(0)
    ratios = np.empty(len(energy_mj))
    for place in range(len(energy_mj)):
        rest = np.arange(len(energy_mj)) != place
        at = int(known[0][place]), int(known[1][place])
        energy, time = (
            _between(known[0][rest], known[1][rest], values[rest], *at)
            for values in (energy_mj, latency_us)
        )
        ratios[place] = energy / time / (energy_mj[place] / latency_us[place])
    return ratios
