"""A model's knots as one side of a comparison."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from math import log

from ...costmodel.model import Cost, KernelCostModel
from ...store.cost_model import SurfaceModel
from ...store.scenario import Scenario
from .side import METRICS, UNCONFIRMED, Place, Reading, Side


def side_of_model(name: str, model: KernelCostModel, conditions: Mapping[str, str]) -> Side:
    """Take what a model says at its knots as a side; of a surface at each of its knots."""
    costs = dict(chain(_of_curves(model), _of_surfaces(model)))
    values: dict[str, dict[Place, Reading]] = {metric: {} for metric in METRICS}
    for place, (_, cost) in costs.items():
        for metric, (field, _) in METRICS.items():
            value = getattr(cost, field)
            if value:
                half_95 = _half_95(cost, metric)
                values[metric][place] = Reading(value, half_95, doubt=_doubt(cost))
    return Side(
        name=name,
        digest=model.file.points_sha256,
        ops={curve: op for (curve, _), (op, _) in costs.items()},
        values=values,
        units={metric: unit for metric, (_, unit) in METRICS.items()},
        conditions=conditions,
        sources=dict(_sources(costs)),
        reasons={metric: _why_none(costs.values()) for metric in METRICS if not values[metric]},
    )


def _of_curves(model: KernelCostModel) -> Iterator[tuple[Place, tuple[str, Cost]]]:
    for curve in model.curves:
        for tokens in curve.knots_tokens:
            yield (curve.curve, tokens), (curve.op, model.get_cost(curve.curve, tokens))


def _of_surfaces(model: KernelCostModel) -> Iterator[tuple[Place, tuple[str, Cost]]]:
    for surface in model.file.surfaces:
        for tokens, experts in zip(surface.knots_tokens, surface.knots_experts, strict=True):
            cost = model.get_cost(surface.surface, tokens, active_experts=experts)
            yield (_curve(surface, experts), tokens), (surface.op, cost)


def _curve(surface: SurfaceModel, experts: int) -> str:
    """Name the curve of one number of active experts as the points of a run do."""
    return Scenario(
        op=surface.op,
        tokens=1,
        shape=surface.shape,
        dtype=surface.dtype,
        flops=0,
        bytes_moved=0,
        weight_bits=surface.weight_bits,
        group_size=surface.group_size,
        experts=surface.experts,
        active_experts=experts,
        top_k=surface.top_k,
        l2=surface.l2,
        variant=surface.variant,
    ).curve


def _doubt(cost: Cost) -> str | None:
    if cost.doubtful:
        return "its point has flags"
    return UNCONFIRMED if cost.measured_once else None


def _half_95(cost: Cost, metric: str) -> float | None:
    """Half width of the model's 95 % interval at a knot, a |log| ratio."""
    if metric == "latency" and cost.latency_us_lo:
        return log(cost.latency_us_hi / cost.latency_us_lo) / 2
    if metric == "energy" and cost.energy_mj_lo and cost.energy_mj_hi:
        return log(cost.energy_mj_hi / cost.energy_mj_lo) / 2
    return None


def _sources(costs: Mapping[Place, tuple[str, Cost]]) -> Iterator[tuple[tuple[str, str], str]]:
    for (curve, _), (_, cost) in costs.items():
        yield ("latency", curve), cost.source
        for metric in ("energy", "power", "heat"):
            yield (metric, curve), cost.energy_source


def _why_none(costs: Iterable[tuple[str, Cost]]) -> str:
    """Why no cost holds energy, power or heat."""
    return next((cost.energy_reason for _, cost in costs if cost.energy_reason), "not measured")
