"""One static answer of the router: what a batch costs by the model's own routing, and by ours."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import numpy as np

from ...costmodel.model import KernelCostModel
from ...costmodel.thermal.description import why_no_thermal
from ...router.control.controller import Targets
from ...router.expert_costs import ExpertCosts
from ...router.from_model import costs_of_experts
from ...router.hull import hull_of
from ...router.kinds.kind import ExpertKind
from ...router.programs.load_program import Verdict
from ...router.static.drawn_batch import drawn_batch
from ...router.static.expected import PassCost, cost_of_counts, expected_active
from ...router.static.plan import Occasion, StaticPlan, plan_static, verdict_of
from ...router.static.power_cap import cap_of
from ...router.static.regime import Regime
from ...stats.arrays import Float64
from ...stats.routing.distribution import distribution, distribution_words
from ...store.errors import BadInput
from ...store.run import model_file
from ..cost import load, staleness
from .plan_query import PlanQuery, check_sizes, kinds_of, top_k_of
from .whole_step import read_whole_step

__all__ = ["PlanQuery", "RoutePlan", "plan_route"]

_DRAWN: Final = "the batch was drawn by the routing: a real one reads what its own scores need"


@dataclass(frozen=True, slots=True)
class Way:
    """One pass by one routing.

    Energy is above idle, `power_w` the mean without waiting; both None where energy is unknown.
    `period_s` is the time from one pass to the next within the cap, `total_j` the energy in that
    time with idle power.
    """

    energy_j: float | None
    latency_s: float
    power_w: float | None
    period_s: float
    total_j: float | None
    active_experts: float


@dataclass(frozen=True, slots=True)
class KindRow:
    """A kind of expert: its curves, and what routing does with it.

    A distance is the largest share by which the curve of the cost lies above its convex hull, for
    experts in use; that of energy is None where it is unknown. Rows are of one expert in the mean,
    the bias is in nats.
    """

    kind: str
    experts: int
    energy_distance: float | None
    latency_distance: float
    own_rows: float
    rows: float
    least_bias: float
    largest_bias: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutePlan:
    """A static answer.

    `gap` is how far the answer is from the best at most, as a share of `gap_of`; `measured_gap` the
    same by the measured curves in place of their hulls, None where there is none. `kl_nats` is the
    change of routing over all assignments. A nat may cost `kl_price_j`, or where energy is unknown
    `kl_price_s`; the other is None. `safe_tokens` is the largest batch that keeps to the
    cap without waiting, None where none does and without a cap. `stale` says why the model may be
    older than its run.
    """

    tokens: int
    experts: int
    top_k: int
    gpus: int
    routing: str
    regime: Regime
    verdict: Verdict
    cap_w: float | None
    own: Way
    planned: Way
    kl_nats: float
    kl_price_j: float | None
    kl_price_s: float | None
    gap: float
    gap_of: Literal["objective", "top-k mass"]
    measured_gap: float | None
    safe_tokens: int | None
    energy_source: str
    energy_reason: str | None
    reasons: tuple[str, ...]
    kinds: tuple[KindRow, ...]
    stale: str | None = None


def plan_route(model: Path | str, query: PlanQuery) -> RoutePlan:
    """Plan for a batch by the cost model at `model`.

    Raises BadInput where the query or the model lacks what the plan needs, and for a cap at or
    below idle power.
    """
    loaded = load(model)
    check_sizes(query)
    kinds, top_k = kinds_of(loaded, query), top_k_of(loaded, query)
    if not 1 <= top_k <= len(kinds):
        raise BadInput(
            f"--top-k is {top_k}, and a token goes to 1 to {len(kinds)} different experts"
        )
    words = distribution_words(query.routing)
    chances = np.array(distribution(words, len(kinds), top_k).held_shares())
    costs = costs_of_experts(
        loaded, kinds, query.tokens, gpus=query.gpus, allow_estimates=query.allow_estimates
    )
    cap_w = _cap(loaded, costs, query)
    step = None if query.step is None else read_whole_step(query.step, query.tokens)
    occasion = Occasion(chances, query.tokens, query.kl_price_j, cap_w=cap_w, whole_step=step)
    answer = _answer(costs, kinds, plan_static(costs, occasion), query)
    return replace(answer, stale=staleness(model_file(Path(model)), loaded))


def _cap(model: KernelCostModel, costs: ExpertCosts, query: PlanQuery) -> float | None:
    thermal = model.file.thermal
    if query.temp_limit_c is not None and thermal is None:
        raise BadInput(
            f"--temp-limit {query.temp_limit_c:g} needs a thermal response:"
            f" {why_no_thermal(model.file)}"
        )
    targets = Targets(power_w=query.power_cap_w, temp_c=query.temp_limit_c)
    return cap_of(targets, costs, None if thermal is None else thermal.step)


@dataclass(frozen=True, eq=False, slots=True)
class _Found:
    """Costs and rows [N] of both routings, and how far ours is from the best."""

    own: PassCost
    ours: PassCost
    own_rows: Float64
    rows: Float64
    own_active: float
    active: float
    kl_nats: float
    gap: float


def _found(costs: ExpertCosts, plan: StaticPlan) -> _Found:
    tokens = plan.occasion.tokens
    own_rows = tokens * plan.occasion.chances
    if plan.charges is not None:
        drawn = drawn_batch(plan, plan.charges)
        return _Found(
            own=cost_of_counts(costs, drawn.own_counts),
            ours=cost_of_counts(costs, drawn.counts),
            own_rows=drawn.own_counts.astype(np.float64),
            rows=drawn.counts.astype(np.float64),
            own_active=float(np.count_nonzero(drawn.own_counts)),
            active=float(np.count_nonzero(drawn.counts)),
            kl_nats=drawn.kl_nats,
            gap=drawn.chosen.gap,
        )
    rows = own_rows if plan.loads is None else plan.loads.loads
    active, ours = (expected_active(n / tokens, tokens).sum() for n in (own_rows, rows))
    return _Found(
        plan.baseline, plan.planned, own_rows, rows, float(active), float(ours),
        kl_nats=0.0 if plan.loads is None else max(0.0, plan.loads.kl_nats),
        gap=0.0 if plan.loads is None else plan.loads.gap,
    )  # fmt: skip


def _answer(
    costs: ExpertCosts, kinds: Sequence[ExpertKind], plan: StaticPlan, query: PlanQuery
) -> RoutePlan:
    found, cap_w = _found(costs, plan), plan.occasion.cap_w
    is_drawn = plan.charges is not None
    price, has_energy = plan.prices.kl_price_j, costs.energy_reason is None
    return RoutePlan(
        tokens=query.tokens,
        experts=costs.experts,
        top_k=round(float(plan.occasion.chances.sum())),
        gpus=costs.gpus,
        routing=query.routing,
        regime=plan.regime.regime,
        verdict=verdict_of(found.own, found.ours, cap_w),
        cap_w=cap_w,
        own=_way(costs, found.own, cap_w, found.own_active),
        planned=_way(costs, found.ours, cap_w, found.active),
        kl_nats=found.kl_nats,
        kl_price_j=price if has_energy else None,
        kl_price_s=None if has_energy else price,
        gap=found.gap,
        gap_of="top-k mass" if is_drawn else "objective",
        measured_gap=None if is_drawn or plan.loads is None else plan.loads.measured_gap,
        safe_tokens=plan.safe_tokens,
        energy_source=costs.energy_source,
        energy_reason=costs.energy_reason,
        reasons=(*plan.reasons, *([_DRAWN] if is_drawn else [])),
        kinds=tuple(_kind_rows(costs, kinds, plan, found)),
    )


def _way(costs: ExpertCosts, cost: PassCost, cap_w: float | None, active: float) -> Way:
    period_s = cost.period_s(None if cap_w is None else cap_w - costs.idle_power_w)
    known = costs.energy_reason is None
    return Way(
        energy_j=cost.energy_j if known else None,
        latency_s=cost.latency_s,
        power_w=cost.power_w,
        period_s=period_s,
        total_j=cost.energy_j + costs.idle_power_w * period_s if known else None,
        active_experts=active,
    )


def _kind_rows(
    costs: ExpertCosts, kinds: Sequence[ExpertKind], plan: StaticPlan, found: _Found
) -> Iterator[KindRow]:
    energy = hull_of(costs.loads, costs.energy_j).distance
    latency = hull_of(costs.loads, costs.latency_s).distance
    for kind in dict.fromkeys(kinds):
        own = np.array([one == kind for one in kinds])
        yield KindRow(
            kind=str(kind),
            experts=int(own.sum()),
            energy_distance=float(energy[own].max()) if costs.energy_reason is None else None,
            latency_distance=float(latency[own].max()),
            own_rows=float(found.own_rows[own].mean()),
            rows=float(found.rows[own].mean()),
            least_bias=float(plan.bias[own].min()),
            largest_bias=float(plan.bias[own].max()),
        )
