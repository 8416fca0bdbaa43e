"""Energy of a curve: E(b) = P(b) t(b) r(b), from what was measured at some batch sizes.

Power P changes slowly over batch size as long as the same kernel runs, and time t in steps: energy
has the steps of time. Power is drawn under a steady load, where a call takes r times what a single
one does. P and r are interpolated between the knots where energy was measured; where the kernels of
those are known and differ, each holds its own.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from ...stats.arrays import Float64, Int64
from ...store.cost_model import CurveModel, FitError, Thermal
from ..rows import Row, all_rounded, one_value, positive, rounded
from .fit import fit_error, interpolate

BEYOND: Final = "energy was measured at batch sizes {} to {} only"


def energy_fields(curve: str, knots: Sequence[Row]) -> dict[str, Any]:
    """Fields of CurveModel that say what energy is known, and why where none is."""
    fields, places = energies(curve, knots)
    if not places:
        return fields
    tokens = tuple(knots[place]["tokens"] for place in places)
    latency_us = np.array([knots[place]["latency_us"] for place in places])
    error = fit_error(
        "linear", np.array(tokens, dtype=np.int64), np.array(fields["energy_mj"]) / latency_us
    )
    if len(places) < len(knots):
        fields |= {
            "energy_tokens": tokens,
            "energy_reason": BEYOND.format(tokens[0], tokens[-1]),
        }
    return {**fields, "power_error": FitError(**all_rounded(asdict(error)))}


def energies(name: str, knots: Sequence[Row]) -> tuple[dict[str, Any], list[int]]:
    """Energy of the knots that have one, in fields of a CurveModel or SurfaceModel, and which.

    Where fewer than two have, the fields say why, and no knot is named.
    """
    values = [positive(name, row, "energy_mj") for row in knots]
    metered = [row for row, value in zip(knots, values, strict=True) if value is not None]
    without = [row for row, value in zip(knots, values, strict=True) if value is None]
    given = Counter(row["energy_reason"] or "no energy was recorded" for row in without)
    reason = _share(without, knots, given.most_common(1)[0][0]) if without else None
    if len(metered) < 2:
        return {"energy_mj": None, "energy_source": "unavailable", "energy_reason": reason}, []
    known = tuple(value for value in values if value is not None)
    latency_us = np.array([row["latency_us"] for row in metered])
    halves = [row["energy_mj_ci95"] for row in metered]
    sustained_us = [row.get("latency_sustained_us") for row in metered]
    ratios = None
    if None not in sustained_us:
        ratios = tuple(map(rounded, (np.array(sustained_us) / latency_us).tolist()))
    relative = None
    if all(half is not None for half in halves):
        relative = tuple(rounded(h / e) for h, e in zip(halves, known, strict=True))
    fields = {
        "energy_mj": known,
        "energy_source": one_value(name, metered, "energy_source"),
        "energy_reason": reason,
        "energy_ci95": relative,
        "sustained_ratio": ratios,
        "idle_power_w": _mean([row["idle_power_w"] for row in knots]),
    }
    return fields, [place for place, value in enumerate(values) if value is not None]


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

    `power_w` is drawn under a steady load; `half_width` is that of its 95 % interval, as a |log|
    ratio; `temp_rise_c` is the steady rise at that power over idling.
    """

    energy_mj: Float64
    power_w: Float64
    half_width: Float64
    temp_rise_c: Float64


def metered(
    curve: CurveModel, thermal: Thermal | None, latency_us: Float64, within: Int64
) -> Metered:
    """Evaluate energy and heat of calls whose nearest sizes of the domain are `within`."""
    power_w = ratio = half = heat = np.full(within.shape, np.nan)
    if curve.energy_mj is not None:
        power_w, ratio, half = _power(curve, within)
    if thermal is not None and curve.idle_power_w is not None:
        heat = thermal.r_c_per_w * (power_w - curve.idle_power_w)
    return Metered(power_w * ratio * latency_us / 1000, power_w, half, heat)


def _power(curve: CurveModel, within: Int64) -> tuple[Float64, Float64, Float64]:
    """Power in W, the ratio of sustained to single calls, and the relative half width of power.

    At sizes of the domain; power is NaN beyond the sizes whose energy was measured.
    """
    assert curve.energy_mj is not None
    knots = np.array(curve.knots_tokens, dtype=np.int64)
    anchors = knots if curve.energy_tokens is None else np.array(curve.energy_tokens)
    single_us = np.array(curve.latency_us)[np.searchsorted(knots, anchors)]
    ratios = np.array(curve.sustained_ratio or np.ones(len(anchors)))
    power_w = 1000 * np.array(curve.energy_mj) / (single_us * ratios)
    held = np.clip(within, anchors[0], anchors[-1])
    found, ratio = (_between(curve, anchors, values, held) for values in (power_w, ratios))
    right = np.clip(np.searchsorted(anchors, held), 1, len(anchors) - 1)
    left = right - 1
    half = np.zeros(within.shape)
    if curve.energy_ci95 is not None:
        relative = np.array(curve.energy_ci95)
        half = np.maximum(relative[left], relative[right])
    p95 = None if curve.power_error is None else curve.power_error.p95
    at_anchor = half if curve.energy_ci95 is not None else np.full(within.shape, np.nan)
    between = at_anchor if p95 is None else np.hypot(half, p95)
    half = np.where(np.isin(held, anchors), at_anchor, between)
    return np.where(held == within, found, np.nan), ratio, half


def _between(curve: CurveModel, anchors: Int64, values: Float64, held: Int64) -> Float64:
    """Interpolate `values` of the anchors at sizes between them, across no change of kernels."""
    found = interpolate("linear", anchors, values, held)
    if curve.segments is None:
        return found
    knots, segments = np.array(curve.knots_tokens), np.array(curve.segments)
    right = np.clip(np.searchsorted(anchors, held), 1, len(anchors) - 1)
    left = right - 1
    of_anchors = segments[np.searchsorted(knots, anchors)]
    here = segments[np.searchsorted(knots, held, side="right") - 1]
    own = np.where(here == of_anchors[right], values[right], values[left])
    found = np.where(of_anchors[left] == of_anchors[right], found, own)
    return np.where(held == anchors[right], values[right], found)
