"""What a model has for one curve of the points: a curve of its own, or a cut through a surface."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from ..costmodel.model import Cost, KernelCostModel
from ..store.cost_model import CurveModel, Domain, SurfaceModel

_NO_LIMIT: Final = "a temperature rise is not judged: it has no limit"


@dataclass(frozen=True, slots=True)
class Fitted:
    """How to predict the points of one curve, and what cannot be predicted.

    `cost` maps a batch size to its cost. `interval_us` maps a batch size and a nominal coverage, in
    percent, to the bounds of the latency; None where there is only the one at 95 % of the cost.
    `energy_reason` says why no energy is known, None where some is.
    """

    op: str
    domain: Domain
    energy_reason: str | None
    heat_reason: str
    cost: Callable[[int], Cost]
    interval_us: Callable[[int, int], tuple[float, float]] | None


def fitted_curves(model: KernelCostModel) -> dict[str, Fitted]:
    """Give the curves of a model, by name."""
    return {curve.curve: _of_curve(model, curve) for curve in model.curves}


def _of_curve(model: KernelCostModel, curve: CurveModel) -> Fitted:
    unknown = curve.energy_reason or "the model has no energy"
    return Fitted(
        op=curve.op,
        domain=curve.domain,
        energy_reason=unknown if curve.energy_mj is None else None,
        heat_reason=curve.temp_rise_reason or _NO_LIMIT,
        cost=partial(model.get_cost, curve.curve),
        interval_us=partial(model.get_interval_us, curve.curve),
    )


def cut_through_surface(model: KernelCostModel, point: Mapping[str, Any]) -> Fitted | None:
    """Find the surface that holds a point over active experts; None where none does."""
    for surface in model.file.surfaces:
        alike = all(
            getattr(surface, name) == (tuple(point[name]) if name == "shape" else point[name])
            for name in ("op", "shape", "dtype", "weight_bits", "group_size", "top_k", "l2")
        )
        if alike and point["active_experts"] is not None:
            return _of_surface(model, surface, point["active_experts"])
    return None


def _of_surface(model: KernelCostModel, surface: SurfaceModel, active_experts: int) -> Fitted:
    return Fitted(
        op=surface.op,
        domain=Domain(min(surface.knots_tokens), max(surface.knots_tokens)),
        energy_reason=surface.energy_reason,
        heat_reason=_NO_LIMIT,
        cost=partial(model.get_cost, surface.surface, active_experts=active_experts),
        interval_us=None,
    )
