"""Check that a model does not contradict itself, as a file edited by hand may."""

from collections.abc import Sequence
from dataclasses import astuple
from itertools import pairwise
from math import inf

from ..kernels.formats.names import FORMATS
from ..stats.conformal import COVERAGES_PCT
from ..store.cost_model import (
    CostModelFile,
    CurveModel,
    ExpertWork,
    FittedOp,
    SurfaceModel,
    Thermal,
)
from ..store.document import MAX_LOG_RATIO
from ..store.errors import BadInput
from ..store.fitted_runs import LayerSizes

_MAX_US = 1e15  # 31 years: above it, the ends of intervals leave the range of a double
_MIN_US = 1e-12
_MAX_WORK = 1e30  # FLOPs or bytes; as the rates, so that no sum or quotient leaves that range
_MIN_RATE, _MAX_RATE = 1.0, 1e30  # per s
_MOST_EXPERTS = 1 << 20
_DTYPES = ("float32", "bfloat16", "float16")
_OTHER_COUNT = "has more or fewer values than knots"
_ENERGY_ELSEWHERE = "has energy where it has no knot"
_NOT_POSITIVE = f"has a latency or an energy that is not from {_MIN_US:g} to {_MAX_US:g}"
_NO_HALF_WIDTH = "has an interval that is negative or beyond any measurement"
_HINT = "build the model anew: moeprof build-model RUN"


def check_file(file: CostModelFile) -> None:
    """Raise BadInput, naming the curve, where a model contradicts itself."""
    for curve in file.curves:
        _check_curve(curve)
    for surface in file.surfaces:
        _check_surface(surface)
    rates = [] if file.peaks is None else [*file.peaks.flops_per_s.values(), file.peaks.bytes_per_s]
    drift = file.intervals.drift_95
    scores = file.intervals.quantiles
    ascending = [scores[str(percent)] for percent in COVERAGES_PCT if str(percent) in scores]
    rules = {
        f"has a peak rate that is not from {_MIN_RATE:g} to {_MAX_RATE:g} per s": all(
            rate is None or _MIN_RATE <= rate <= _MAX_RATE for rate in rates
        ),
        "has an interval score that is not finite or negative": all(
            score is None or 0 <= score < inf for score in (*scores.values(), drift)
        ),
        "has no interval score for a nominal coverage": len(ascending) == len(COVERAGES_PCT),
        "has interval scores that do not ascend with the coverage": ascending == sorted(ascending),
        "has heat that is negative or not finite": _is_possible(file.thermal),
        "has a layer that cannot be": all(map(_is_possible_layer, file.layers)),
    }
    _require("the model", rules)


def _check_curve(curve: CurveModel) -> None:
    """Check one curve; `rules` maps each complaint to whether the curve is free of it."""
    knots, domain = curve.knots_tokens, curve.domain
    anchors = knots if curve.energy_tokens is None else curve.energy_tokens
    rules = {
        "has fewer than two knots": len(knots) >= 2,
        "has knots that do not ascend from 1 or more": _ascends(knots) and knots[-1] <= _MAX_US,
        "has a top-k below 1": curve.top_k is None or curve.top_k >= 1,
        "has a domain that is not its first to its last knot": (
            knots[:1] + knots[-1:] == (domain.first_tokens, domain.last_tokens)
        ),
        _OTHER_COUNT: _have_length(len(knots), curve.segments, curve.gap_us)
        and _have_a_value_per_knot(curve)
        and _have_length(len(anchors), *_energy_columns(curve)),
        _ENERGY_ELSEWHERE: len(anchors) >= 2 and _ascends(anchors) and set(anchors) <= set(knots),
        _NOT_POSITIVE: _are_positive(curve),
        _NO_HALF_WIDTH: _are_half_widths(curve.latency_half_95)
        and _are_half_widths(curve.left_out)
        and _are_half_widths((curve.noise, curve.jump_share)),
        f"has work that is not from 0 to {_MAX_WORK:g}": _is_possible_work(curve),
        "has work of active experts that cannot be": _are_possible_experts(curve.expert_work),
    }
    _require(curve.curve, rules)


def _check_surface(surface: SurfaceModel) -> None:
    """Check one surface; `rules` maps each complaint to whether the surface is free of it."""
    places, knots = surface.energy_knots, range(len(surface.latency_us))
    counts = (surface.knots_tokens, surface.knots_experts)
    rules = {
        "has no knots": len(knots) > 0,
        _OTHER_COUNT: _have_length(len(knots), surface.knots_experts)
        and _have_a_value_per_knot(surface),
        _ENERGY_ELSEWHERE: set(places) <= set(knots)
        and _have_length(len(places), *_energy_columns(surface)),
        _NOT_POSITIVE: _are_positive(surface),
        "has more experts to a token than there are": (
            surface.experts is None or surface.top_k <= surface.experts
        ),
        "has a count below 1": all(size >= 1 for column in counts for size in column)
        and surface.top_k >= 1,
        "has coefficients that are negative, not finite, or all zero": all(
            0 <= value < _MAX_US for value in surface.coefficients_us
        )
        and any(surface.coefficients_us),
        _NO_HALF_WIDTH: _are_half_widths(surface.latency_half_95)
        and _are_half_widths(surface.left_out)
        and _are_half_widths((surface.half_width_95, *surface.half_widths.values())),
    }
    _require(surface.surface, rules)


def _energy_columns(fitted: FittedOp) -> tuple[tuple[float, ...] | None, ...]:
    """Columns with one value per metered knot."""
    return fitted.energy_mj, fitted.energy_ci95, fitted.sustained_ratio


def _have_a_value_per_knot(fitted: FittedOp) -> bool:
    columns = (fitted.latency_us, fitted.latency_half_95, fitted.left_out)
    return _have_length(len(fitted.knots_tokens), *columns)


def _have_length(length: int, *columns: Sequence[object] | None) -> bool:
    return all(column is None or len(column) == length for column in columns)


def _are_positive(fitted: FittedOp) -> bool:
    columns = (fitted.latency_us, fitted.energy_mj, fitted.sustained_ratio)
    return all(_MIN_US <= value < _MAX_US for column in columns for value in column or ())


def _is_possible_work(curve: CurveModel) -> bool:
    by_experts = curve.expert_work
    amounts = [] if curve.work is None else [*astuple(curve.work)]
    if by_experts is not None:
        amounts += [*astuple(by_experts.rest), by_experts.flops, by_experts.bytes_moved]
    return all(0 <= value <= _MAX_WORK for value in amounts)


def _are_possible_experts(work: ExpertWork | None) -> bool:
    return work is None or (
        work.top_k <= work.experts <= _MOST_EXPERTS and work.ranks <= work.experts
    )


def _ascends(sizes: tuple[int, ...]) -> bool:
    return sizes[:1] >= (1,) and all(left < right for left, right in pairwise(sizes))


def _is_possible(thermal: Thermal | None) -> bool:
    if thermal is None:
        return True
    step = thermal.step
    leakage = (thermal.leakage_w_per_c, thermal.leakage_w_per_c_ci95, thermal.reference_temp_c)
    rates = (value for pole in step.poles for value in (pole.tau_s, pole.r_c_per_w))
    return (
        len(step.poles) > 0
        and all(0 < value < _MAX_US for value in (*rates, step.hot_s, thermal.r_c_per_w))
        and abs(step.inlet_c) < _MAX_US
        and (leakage == (None,) * 3 or all(v is not None and abs(v) < _MAX_US for v in leakage))
    )


def _is_possible_layer(layer: LayerSizes) -> bool:
    found = layer.difference
    fitted = () if found is None else (found.gap_us, found.overlap_share)
    return (
        layer.top_k <= layer.experts <= _MOST_EXPERTS
        and layer.held_experts <= layer.experts
        and layer.dtype in _DTYPES
        and layer.weight_format in (None, *FORMATS)
        and all(abs(value) < _MAX_US for value in fitted)
    )


def _are_half_widths(halves: tuple[float | None, ...] | None) -> bool:
    return all(half is None or 0 <= half <= MAX_LOG_RATIO for half in halves or ())


def _require(name: str, rules: dict[str, bool]) -> None:
    """Raise BadInput with the first complaint whose rule does not hold."""
    for complaint, holds in rules.items():
        if not holds:
            raise BadInput(f"{name} {complaint}", hint=_HINT)
