"""Refuses targets that no routing and no waiting can reach, and names the floor."""

from ...store.cost_model import ThermalResponse
from ...store.errors import BadInput
from .controller import Targets
from .power_model import PowerModel


def check_reachable(
    model: PowerModel, targets: Targets, response: ThermalResponse | None = None
) -> None:
    """Raise BadInput for a target at or below what the idle GPU has, or that nothing predicts.

    `response` is the thermal response of the cost model, from which the idle temperature follows;
    without one the target of temperature is not checked.
    """
    reason = model.layer.costs.energy_reason
    if reason is not None and (targets.power_w is not None or targets.temp_c is not None):
        raise BadInput(
            f"power and temperature cannot be held: the cost model has no energy: {reason}",
            hint="name a model with energy; a target of latency alone needs none",
        )
    if targets.power_w is not None and targets.power_w <= model.idle_w:
        raise BadInput(
            f"the target power_w of {targets.power_w:g} W is unreachable: the idle GPU draws"
            f" {model.idle_w:g} W",
            hint=f"the floor is {model.idle_w:g} W: ask for more",
        )
    if targets.temp_c is None or response is None:
        return
    whole_c_per_w = sum(pole.r_c_per_w for pole in response.poles)
    floor_c = response.inlet_c + whole_c_per_w * model.idle_w
    if targets.temp_c <= floor_c:
        raise BadInput(
            f"the target temp_c of {targets.temp_c:g} °C is unreachable: the idle GPU has"
            f" {floor_c:.3g} °C, by the model's thermal response",
            hint=f"the floor is {floor_c:.3g} °C: ask for more, or cool the inlet",
        )
