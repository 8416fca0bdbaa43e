"""Which program routes a batch, from the curves of the experts alone.

Where most of the cost is reading weights, once for each expert in use, it falls by using fewer
experts: concentrate. Elsewhere, and between GPUs of which the slowest decides, it falls by moving
rows to where one more costs less: balance. Identical experts of linear cost on one GPU cost the
same however tokens go to them: nothing is to be routed. A step of the whole model may say that its
longest part is another than reading experts: then fewer of them hardly shorten it, and no batch
gives up quality for that.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from ...stats.arrays import Float64
from ..curves import Curves
from ..expert_costs import ExpertCosts
from ..hull import hull_of
from .whole_step import WholeStep

Regime = Literal["concentrate", "balance", "none"]
_MOSTLY: Final = 0.5  # share of the fixed charges in the cost
_SAME: Final = 1e-9
MOST_TOKENS: Final = 4096  # a larger batch does not choose the experts to read: kernels/active_set
NOTHING_TO_SAVE: Final = "identical experts and linear cost: no routing saves anything; b = 0"


@dataclass(frozen=True, eq=False, slots=True)
class RegimeChoice:
    """A regime, and why it is the one.

    `fixed_j` [N] is what an expert in use costs beside its rows, time included, in J; `distance`
    [N] by which share its curve lies above its convex hull at most.
    """

    regime: Regime
    reason: str
    fixed_j: Float64
    distance: Float64


def choose_regime(
    costs: ExpertCosts,
    own: Float64,
    tokens: int,
    time_price_w: float,
    whole_step: WholeStep | None = None,
) -> RegimeChoice:
    """Choose by what experts cost in joules at the loads `own` [N] of the model's own routing.

    Batches of more than 4096 tokens never concentrate: the rule sees a whole batch. A second costs
    the idle power and `time_price_w`. An expert in use has one row or more. Where a `whole_step` is
    known, it decides whether reading fewer experts is worth it.
    """
    curves = costs.energy_j + (costs.idle_power_w + time_price_w) * costs.latency_s
    hull = hull_of(costs.loads, curves)
    used = own > 0
    in_use = np.clip(own, 1.0, costs.loads[-1])
    whole = float(Curves(costs.loads, curves).at(in_use)[used].sum())
    fixed_share = float(hull.fixed[used].sum()) / whole if whole > 0 else 0.0
    regime, reason = _by_charges(fixed_share)
    if costs.gpus > 1:
        regime, reason = "balance", f"the slowest of {costs.gpus} GPUs decides"
    elif _are_identical_and_linear(costs.loads, curves):
        regime, reason = "none", NOTHING_TO_SAVE
    elif tokens > MOST_TOKENS and regime == "concentrate":
        regime, reason = "balance", f"{reason}, of a batch of more than {MOST_TOKENS} tokens"
    elif whole_step is not None and regime == "concentrate":
        regime = "concentrate" if whole_step.is_bound_by_experts else "balance"
        reason = f"{reason}; {whole_step.reason}"
    return RegimeChoice(regime, reason, hull.fixed, hull.distance)


def _by_charges(fixed_share: float) -> tuple[Regime, str]:
    reason = f"fixed charges, the reading of weights, are {fixed_share:.0%} of the cost"
    regime: Regime = "concentrate" if fixed_share > _MOSTLY else "balance"
    return regime, reason.replace("%", " %")


def _are_identical_and_linear(loads: Float64, curves: Float64) -> bool:
    line = curves[0, -1] * loads / loads[-1]
    return bool(np.allclose(curves, line, rtol=_SAME, atol=0.0))
