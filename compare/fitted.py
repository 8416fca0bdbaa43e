"""Predict the points of one curve: by a curve of the model, or by a cut through a surface."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from ..costmodel.model import Cost, KernelCostModel
from ..store.cost_model import CurveModel, Domain, FittedOp, SurfaceModel
from ..store.scenario import split_active_experts

NO_LIMIT: Final = "a temperature rise is not judged: it has no limit"
NO_ENERGY: Final = "the model has no energy"


@dataclass(frozen=True, slots=True)
class Fitted:
    """Predictor of one curve.

    `cost` maps a batch size to its cost. `interval_us` maps a batch size and a nominal coverage, in
    percent, to the bounds of the latency. `energy_reason` is the reason why the model has no energy
    of the curve, None where it has any; `heat_reason` says why no temperature rise is compared.
    `metered` are the sizes between which energy is known, None where all of `domain` are.
    """

    op: str
    domain: Domain
    energy_reason: str | None
    heat_reason: str
    cost: Callable[[int], Cost]
    interval_us: Callable[[int, int], tuple[float, float]]
    metered: Domain | None = None

    def domain_of(self, metric: str) -> Domain:
        """The sizes that the model predicts a quantity at."""
        return self.domain if metric == "latency" or self.metered is None else self.metered


def fitted_curves(model: KernelCostModel) -> dict[str, Fitted]:
    """Predictors of the curves of a model, by name."""
    return {curve.curve: _of_curve(model, curve) for curve in model.curves}


def _of_curve(model: KernelCostModel, curve: CurveModel) -> Fitted:
    return Fitted(
        op=curve.op,
        domain=curve.domain,
        energy_reason=_why_no_energy(curve),
        heat_reason=model.file.thermal_reason or NO_LIMIT,
        cost=partial(model.get_cost, curve.curve),
        interval_us=partial(model.get_interval_us, curve.curve),
        metered=_between(curve.energy_tokens or ()),
    )


def cut_through_surface(model: KernelCostModel, curve: str) -> Fitted | None:
    """Predictor of a curve of one number of active experts, from its surface; None without one."""
    name, active_experts = split_active_experts(curve)
    found = next((one for one in model.file.surfaces if one.surface == name), None)
    return None if found is None or active_experts is None else _of_surface(model, found, curve)


def _of_surface(model: KernelCostModel, surface: SurfaceModel, curve: str) -> Fitted:
    return Fitted(
        op=surface.op,
        domain=Domain(min(surface.knots_tokens), max(surface.knots_tokens)),
        energy_reason=_why_no_energy(surface),
        heat_reason=model.file.thermal_reason or NO_LIMIT,
        cost=partial(model.get_cost, curve),
        interval_us=partial(model.get_interval_us, curve),
        metered=_between([surface.knots_tokens[place] for place in surface.energy_knots]),
    )


def _between(tokens: Sequence[int]) -> Domain | None:
    return Domain(min(tokens), max(tokens)) if tokens else None


def _why_no_energy(fitted: FittedOp) -> str | None:
    """Why no energy is known at any size; None where one is."""
    return None if fitted.energy_mj is not None else fitted.energy_reason or NO_ENERGY
