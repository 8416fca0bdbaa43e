"""Energy and heat of a curve: power over batch size, times the fitted latency.

Power changes slowly over batch size as long as the same kernel runs, and time in steps: energy has
the steps of time. Energy per time is interpolated between the knots where energy was measured;
where the kernels of those are known and differ, each holds its own power.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ..store.cost_model import CurveModel, FitError, Thermal
from .curve import Floats, Ints, fit_error, interpolate
from .rows import Row, all_rounded, one_value, positive, rounded

_FEWEST_FOR_HEAT: Final = 3
NO_HEAT: Final = "no point has a power, an idle power and a rise in temperature"
BEYOND: Final = "energy was measured at batch sizes {} to {} only"


def energy_fields(curve: str, knots: Sequence[Row]) -> dict[str, Any]:
    """Fields of CurveModel that say what energy is known, and why where none is."""
    energies = [positive(curve, row, "energy_mj") for row in knots]
    metered = [row for row, value in zip(knots, energies, strict=True) if value is not None]
    without = [row for row, value in zip(knots, energies, strict=True) if value is None]
    if len(metered) < 2:
        given = Counter(row["energy_reason"] or "no energy was recorded" for row in without)
        reason = _share(without, knots, given.most_common(1)[0][0])
        return {"energy_mj": None, "energy_source": "unavailable", "energy_reason": reason}
    known = tuple(value for value in energies if value is not None)
    tokens = tuple(row["tokens"] for row in metered)
    latency_us = np.array([row["latency_us"] for row in metered])
    error = fit_error("linear", np.array(tokens, dtype=np.int64), np.array(known) / latency_us)
    halves = [row["energy_mj_ci95"] for row in metered]
    relative = None
    if all(half is not None for half in halves):
        relative = tuple(rounded(h / e) for h, e in zip(halves, known, strict=True))
    return {
        "energy_mj": known,
        "energy_source": one_value(curve, metered, "energy_source"),
        "energy_reason": BEYOND.format(tokens[0], tokens[-1]) if without else None,
        "energy_tokens": tokens if without else None,
        "energy_ci95": relative,
        "power_error": FitError(
            **all_rounded({"median": error.median, "p95": error.p95, "n": error.n})
        ),
        "idle_power_w": _mean([row["idle_power_w"] for row in knots]),
    }


def heat_fields(knots: Sequence[Row]) -> dict[str, Any]:
    """Fields of CurveModel that say what rise in temperature is known, and why where none is."""
    rises = [row["temp_rise_c"] for row in knots]
    without = [row for row in knots if row["temp_rise_c"] is None]
    if without:
        reason = _share(without, knots, "no temperature rise was recorded")
        return {"temp_rise_c": None, "temp_rise_reason": reason}
    return {"temp_rise_c": tuple(map(rounded, rises)), "temp_rise_reason": None}


def fit_thermal(rows: Iterable[Mapping[str, Any]]) -> Thermal | None:
    """Fit the steady rise per W above idle, through the origin; None below three points."""
    columns = ("power_w", "idle_power_w", "temp_rise_c")
    whole = [row for row in rows if all(row[column] is not None for column in columns)]
    above = np.array([row["power_w"] - row["idle_power_w"] for row in whole])
    rises = np.array([row["temp_rise_c"] for row in whole])
    if len(whole) < _FEWEST_FOR_HEAT or (above @ above) == 0 or (above @ rises) <= 0:
        return None
    return Thermal(r_c_per_w=rounded(float(above @ rises / (above @ above))), n=len(whole))


def _share(without: Sequence[Row], knots: Sequence[Row], reason: str) -> str:
    if len(without) == len(knots):
        return reason
    return f"{len(without)} of {len(knots)} points lack it: {reason}"


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return rounded(sum(known) / len(known)) if known else None


@dataclass(frozen=True, slots=True)
class Metered:
    """Energy and heat at some batch sizes, each array of their shape; NaN where unknown.

    `half_width` is that of the 95 % interval of power, as a |log| ratio.
    """

    energy_mj: Floats
    half_width: Floats
    temp_rise_c: Floats


def metered(
    curve: CurveModel, thermal: Thermal | None, sizes: Ints, latency_us: Floats, within: Ints
) -> Metered:
    """Evaluate energy and heat at `sizes`, whose nearest sizes of the domain are `within`."""
    nothing = np.full(sizes.shape, np.nan)
    power, half = _power(curve, within) if curve.energy_mj is not None else (nothing, nothing)
    energy_mj = power * latency_us
    heat = nothing
    if curve.temp_rise_c is not None:
        knots = np.array(curve.knots_tokens, dtype=np.int64)
        heat = interpolate("linear", knots, np.array(curve.temp_rise_c), within)
        heat = np.where(sizes == within, heat, np.nan)
    elif thermal is not None and curve.idle_power_w is not None:
        heat = thermal.r_c_per_w * np.maximum(0.0, power * 1000 - curve.idle_power_w)
    return Metered(energy_mj, half, heat)


def _power(curve: CurveModel, within: Ints) -> tuple[Floats, Floats]:
    """Energy over latency, in mJ/us, and its relative half width, at sizes of the domain."""
    assert curve.energy_mj is not None
    knots = np.array(curve.knots_tokens, dtype=np.int64)
    anchors = knots if curve.energy_tokens is None else np.array(curve.energy_tokens)
    at = np.searchsorted(knots, anchors)
    power = np.array(curve.energy_mj) / np.array(curve.latency_us)[at]
    held = np.clip(within, anchors[0], anchors[-1])
    found = interpolate("linear", anchors, power, held)
    right = np.clip(np.searchsorted(anchors, held), 1, len(anchors) - 1)
    left = right - 1
    if curve.segments is not None:
        segments = np.array(curve.segments)
        here = segments[np.searchsorted(knots, held, side="right") - 1]
        first, last = segments[at][left], segments[at][right]
        own = np.where(here == last, power[right], power[left])
        found = np.where(first == last, found, own)
        found[held == anchors[right]] = power[right][held == anchors[right]]
    half = np.zeros(within.shape)
    if curve.energy_ci95 is not None:
        relative = np.array(curve.energy_ci95)
        half = np.maximum(relative[left], relative[right])
    p95 = None if curve.power_error is None else curve.power_error.p95
    if p95 is None:
        half = half if curve.energy_ci95 is not None else np.full(within.shape, np.nan)
    else:
        half = np.where(np.isin(held, anchors), half, np.hypot(half, p95))
    return np.where(held == within, found, np.nan), half
