"""The power that targets leave above idle, and the largest batch that keeps to it."""

import numpy as np

from ...stats.arrays import Float64
from ...store.cost_model import ThermalResponse
from ...store.errors import BadInput
from ..control.controller import Targets
from ..expert_costs import ExpertCosts
from .expected import expected_cost

_SIZES = 64  # batch sizes that are tried, in equal ratios


def cap_of(targets: Targets, costs: ExpertCosts, thermal: ThermalResponse | None) -> float | None:
    """The power in W, idle power included, that targets of power and temperature allow.

    A target of temperature allows the power at which the device settles there. None without either
    target. Raises BadInput for a cap at or below idle power, where energy is unknown, and for a
    temperature without a thermal response, or of several GPUs.
    """
    caps_w = (
        {}
        if targets.power_w is None
        else {f"the power cap of {targets.power_w:g} W": targets.power_w}
    )
    if targets.temp_c is not None:
        named = f"the temperature cap of {targets.temp_c:g} °C"
        caps_w[named] = _settling_w(targets.temp_c, costs, thermal)
    if not caps_w:
        return None
    named = min(caps_w, key=lambda name: caps_w[name])
    if costs.energy_reason is not None:
        raise BadInput(
            f"{named} cannot be kept, because energy is unknown: {costs.energy_reason}",
            hint="leave the cap out: routing then acts on time alone",
        )
    if not caps_w[named] > costs.idle_power_w:
        raise BadInput(
            f"{named} is unreachable: it allows {caps_w[named]:.4g} W, and the idle GPU draws"
            f" {costs.idle_power_w:.4g} W",
            hint="no routing is below that floor; raise the cap",
        )
    return caps_w[named]


def _settling_w(temp_c: float, costs: ExpertCosts, thermal: ThermalResponse | None) -> float:
    """The power at which a device settles at a temperature."""
    if thermal is None:
        raise BadInput(
            f"the temperature cap of {temp_c:g} °C needs a thermal response, and there is none",
            hint="moeprof profile --thermal-step records one",
        )
    if costs.gpus > 1:
        raise BadInput(
            f"the temperature cap of {temp_c:g} °C is that of one GPU, and there are {costs.gpus}",
            hint="cap the power of all instead",
        )
    return (temp_c - thermal.inlet_c) / sum(pole.r_c_per_w for pole in thermal.poles)


def largest_batch_within(costs: ExpertCosts, chances: Float64, cap_w: float) -> int | None:
    """The largest batch whose mean power is at most `cap_w` without waiting; None where none is.

    `chances` [N] are those of a token to go to each expert. Batches are tried in equal ratios, up
    to the largest load of the costs, and above the largest that keeps to the cap by halving.
    """

    def is_within(tokens: int) -> bool:
        return (expected_cost(costs, chances, tokens).power_w or 0.0) <= cap_w

    sizes = np.unique(np.rint(np.geomspace(1, costs.loads[-1], _SIZES)))
    tried: list[int] = sizes.astype(int).tolist()
    within = [tokens for tokens in tried if is_within(tokens)]
    if not within:
        return None
    largest = within[-1]
    above = min((tokens for tokens in tried if tokens > largest), default=largest)
    while above - largest > 1:
        middle = (largest + above) // 2
        largest, above = (middle, above) if is_within(middle) else (largest, middle)
    return largest
