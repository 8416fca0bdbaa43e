"""One answer for all batches like a given one: which program, which bias, and what may be saved."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ...stats.arrays import Float64
from ...store.errors import BadInput
from ..expert_costs import ASSUMED, ExpertCosts
from ..programs.load_program import LoadPlan, LoadPrices, LoadProgram, Verdict
from .expected import PassCost, expected_cost
from .power_cap import largest_batch_within
from .regime import RegimeChoice, choose_regime
from .whole_step import WholeStep

_ASSIGNMENTS_A_NAT: Final = 8.0


@dataclass(frozen=True, eq=False, slots=True)
class Occasion:
    """A batch to plan for.

    `chances` [N] are those of a token to go to each expert under the model's own routing; they add
    up to its experts, `top_k`. `kl_price_j` None stands for eight times what an assignment costs,
    and `time_price_w` is what a second is worth beside idle power; without energy it is 1 W if 0.
    `cap_w` is the power cap, idle power included. `whole_step` is that of the model around the
    layer, which has a say in the regime.
    """

    chances: Float64
    tokens: int
    kl_price_j: float | None = None
    time_price_w: float = 0.0
    cap_w: float | None = None
    whole_step: WholeStep | None = None


@dataclass(frozen=True, eq=False, slots=True)
class StaticPlan:
    """How to route batches like one.

    `baseline` is the expected cost of the model's own routing, `planned` that of `loads`, the
    answer of program C, which is None in the regime none. `bias` [N] in nats is added to logits;
    its mean is 0. `charges` [N], of the regime concentrate, are what reading an expert costs, in
    shares of a token's top-k mass: each batch chooses by them the experts to read, which `planned`
    does not foresee. A joule costs `price_per_j` nats, a second on each GPU `price_per_s`
    [GPUs]. `safe_tokens` is the largest batch that keeps to the cap without waiting; None where
    none does, and without a cap.
    """

    occasion: Occasion
    regime: RegimeChoice
    prices: LoadPrices
    baseline: PassCost
    planned: PassCost
    loads: LoadPlan | None
    bias: Float64
    charges: Float64 | None
    price_per_j: float
    price_per_s: Float64
    verdict: Verdict
    safe_tokens: int | None
    reasons: tuple[str, ...]


def plan_static(costs: ExpertCosts, occasion: Occasion) -> StaticPlan:
    """Choose the program by the regime, and answer.

    Raises BadInput for a batch without tokens, and where the model's own routing gives an expert
    more rows than its costs reach.
    """
    if occasion.tokens < 1:
        raise BadInput(f"a batch of {occasion.tokens} tokens leaves nothing to plan")
    own, top_k = occasion.tokens * occasion.chances, float(occasion.chances.sum())
    baseline = expected_cost(costs, occasion.chances, occasion.tokens)
    prices = _prices(costs, occasion, baseline)
    regime = choose_regime(costs, own, occasion.tokens, prices.time_price_w, occasion.whole_step)
    loads, charges = None, None
    if regime.regime != "none":
        program = LoadProgram(costs.up_to(occasion.tokens))
        loads = program.solve(own, float(own.sum()), prices, occasion.cap_w)
    if regime.regime == "concentrate":
        charges = regime.fixed_j / (prices.kl_price_j * top_k)
    planned = baseline
    if loads is not None:
        planned = expected_cost(costs, loads.loads / occasion.tokens, occasion.tokens)
    period_price_w = costs.idle_power_w + prices.time_price_w
    even_per_s = np.full(costs.gpus, period_price_w / prices.kl_price_j / costs.gpus)
    return StaticPlan(
        occasion=occasion,
        regime=regime,
        prices=prices,
        baseline=baseline,
        loads=loads,
        bias=np.zeros(costs.experts) if loads is None else loads.bias,
        charges=charges,
        price_per_j=1 / prices.kl_price_j if loads is None else loads.price_per_j,
        price_per_s=even_per_s if loads is None else loads.price_per_s,
        planned=planned,
        verdict=verdict_of(baseline, planned, occasion.cap_w),
        safe_tokens=_safe_tokens(costs, occasion, loads),
        reasons=(regime.reason, *of_energies(costs), *costs.remarks),
    )


def of_energies(costs: ExpertCosts) -> tuple[str, ...]:
    """The sentence that every answer without energies has, and that of assumed ones."""
    if costs.energy_reason is not None:
        return (f"by latency alone, because energy is unknown: {costs.energy_reason}",)
    return ("the energies are assumed",) if costs.energy_source == ASSUMED else ()


def _prices(costs: ExpertCosts, occasion: Occasion, baseline: PassCost) -> LoadPrices:
    """The prices that were given, and in place of those that were not the defaults."""
    time_price_w = occasion.time_price_w
    if costs.energy_reason is not None and time_price_w == 0:
        time_price_w = 1.0
    kl_price_j = occasion.kl_price_j
    if kl_price_j is None:
        period_price_w = costs.idle_power_w + time_price_w
        cost_j = baseline.energy_j + period_price_w * baseline.latency_s
        assignments = occasion.tokens * float(occasion.chances.sum())
        # Where nothing costs anything, no price of a nat changes the answer.
        kl_price_j = _ASSIGNMENTS_A_NAT * cost_j / assignments or 1.0
    return LoadPrices(kl_price_j, time_price_w)


def verdict_of(baseline: PassCost, planned: PassCost, cap_w: float | None) -> Verdict:
    """The verdict on the expected powers of the model's own routing, and of the plan's."""
    if cap_w is None or baseline.within(cap_w):
        return "slack"
    return "routed" if planned.within(cap_w) else "paced"


def _safe_tokens(costs: ExpertCosts, occasion: Occasion, loads: LoadPlan | None) -> int | None:
    if occasion.cap_w is None:
        return None
    chances = occasion.chances if loads is None else loads.loads / occasion.tokens
    return largest_batch_within(costs, chances, occasion.cap_w)
