"""What one pass must route, at which prices, and within which power: checked."""

from dataclasses import dataclass
from math import isfinite

import numpy as np

from ...stats.arrays import Float64
from ...store.errors import BadInput
from ..expert_costs import ExpertCosts

_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Batch:
    """What one pass must route, and at which prices.

    `own` [N] are the loads under the model's own routing, whose sum is above 0 and of which none is
    above the last load of the curves. `kl_price_j`, above 0, is what a nat costs,
    `period_price_w` what a second does. `headroom_w` is the power that a cap leaves above idle;
    None without a cap.
    """

    own: Float64
    kl_price_j: float
    period_price_w: float
    headroom_w: float | None


def headroom(costs: ExpertCosts, cap_w: float) -> float:
    """The power in W that a cap leaves above idle.

    Raises BadInput for a cap that leaves none, and where energy is unknown.
    """
    if costs.energy_reason is not None:
        raise BadInput(
            f"the power cap is {cap_w:g} W, and energy is unknown: {costs.energy_reason}",
            hint="leave the cap out: routing then acts on time alone",
        )
    if not cap_w > costs.idle_power_w:
        raise BadInput(
            f"the power cap of {cap_w:g} W is unreachable: idle power is {costs.idle_power_w:g} W",
            hint=f"the cap must be above the floor of {costs.idle_power_w:g} W",
        )
    return cap_w - costs.idle_power_w


def own_loads(shares: Float64, assignments: float, limit: float) -> Float64:
    """The loads [N] under the model's own routing, in assignments.

    Raises BadInput for shares that are negative, NaN, infinite or all 0, for assignments that are
    no number of 0 or more, and for a load above `limit`.
    """
    if not (isfinite(assignments) and assignments >= 0):
        raise BadInput(f"there are {assignments} assignments, and must be 0 or more")
    total = float(shares.sum())
    if not (isfinite(total) and total > 0 and float(shares.min()) >= 0):
        wrong = ~(np.isfinite(shares) & (shares >= 0))
        if wrong.any():
            expert = int(wrong.argmax())
            raise BadInput(
                f"the share of expert {expert} is {shares[expert]}, and must be 0 or more"
            )
        raise BadInput(f"the shares of the experts sum to {total}, and must be above 0")
    own = shares * (assignments / total)
    busiest = int(own.argmax())
    if own[busiest] > limit * (1 + _ROUNDING):
        raise BadInput(
            f"expert {busiest} gets {own[busiest]:g} of {assignments:g} assignments, and its costs"
            f" end at a load of {limit:g}",
            hint="give costs up to the number of tokens: a token picks an expert once at most",
        )
    return np.minimum(own, limit)
