"""Cost of a mixture-of-experts layer: the sum of its kernels, and what a layer takes beside it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import exp, hypot, log
from typing import Final

from ...store.cost_model import IntervalScores
from ...store.errors import BadInput
from ...store.fitted_runs import LayerDifference
from ...store.scenario import SurfaceKey
from ..cost import Cost
from .communication import NO_LINK, Communication
from .difference import as_one_unit_us
from .interval import interval_of_sum

_NO_INTERVAL: Final = "the error of its energy is not known"
_LEAST: Final = 1e-3  # share of the sum where an interval reaches down to zero


@dataclass(frozen=True, slots=True)
class LayerPart:
    """One kernel of a layer at one batch size: `calls` calls of `cost`."""

    cost: Cost
    calls: int


@dataclass(frozen=True, slots=True)
class LayerCost:
    """Cost of one pass of `tokens` through a layer; `parts` are its kernels.

    `assignments` is the number of (token, expert) pairs, `active_experts` of those that get a
    token: the expected ones of `routing`, unless they were given. Latencies in us and energies in
    mJ are those of the whole pass. Energy is that of the parts alone. It is None where any part has
    none, which `energy_reason` names, and its bounds are where any part has none, which
    `energy_interval_reason` names. `estimated` flags a layer with an extrapolated, transferred or
    estimated part, or with communication.

    `latency_us` is `sum_us`, the sum of the parts, and what was added to it: `difference_us`, None
    for the `difference_reason`; and the time of each `communication`. `unit` is the layer as it was
    measured as one unit, None where it was not. Within the sizes of that measurement it is the
    answer (`is_as_measured`): its latency and interval, and the difference is what it takes beside
    the sum. Elsewhere the difference is that of the fitted `difference`. `communication_reason`
    says why nothing goes over a link that was stated. `missing` names the parts that the latency
    lacks.
    """

    tokens: int
    assignments: int
    active_experts: float
    latency_us: float
    latency_us_lo: float
    latency_us_hi: float
    energy_mj: float | None
    energy_mj_lo: float | None
    energy_mj_hi: float | None
    energy_reason: str | None
    energy_interval_reason: str | None
    estimated: bool
    parts: tuple[LayerPart, ...]
    sum_us: float
    routing: str | None = None
    difference_us: float | None = None
    difference: LayerDifference | None = None
    difference_reason: str | None = None
    communication: tuple[Communication, ...] = ()
    communication_reason: str | None = None
    missing: tuple[str, ...] = ()
    unit: Cost | None = None
    is_as_measured: bool = False

    @property
    def by_parts_us(self) -> float | None:
        """Latency of the parts and their fitted difference in us; None where none was fitted."""
        if self.difference is None:
            return None
        return as_one_unit_us(self.difference, self.sum_us, len(self.parts))

    @property
    def power_w(self) -> float | None:
        """Power of the parts under a steady load, one after another; None where one has none."""
        costs = [part.cost for part in self.parts]
        if self.energy_mj is None or any(cost.power_w is None for cost in costs):
            return None
        return self.energy_mj / sum(part.calls * part.cost.sustained_ms for part in self.parts)

    @property
    def latency_us_per_token(self) -> float:
        """Latency divided by the tokens."""
        return self.latency_us / self.tokens

    @property
    def latency_us_per_assignment(self) -> float:
        """Latency divided by the (token, expert) pairs."""
        return self.latency_us / self.assignments

    @property
    def energy_mj_per_token(self) -> float | None:
        """Energy divided by the tokens."""
        return None if self.energy_mj is None else self.energy_mj / self.tokens

    @property
    def energy_mj_per_assignment(self) -> float | None:
        """Energy divided by the (token, expert) pairs."""
        return None if self.energy_mj is None else self.energy_mj / self.assignments


def expert_loads(tokens: int, top_k: int, active_experts: int) -> dict[int, int]:
    """Spread the assignments evenly over the active experts: number of experts by their rows.

    Raises BadInput for counts that no routing gives: an active expert gets at least one token, and
    a token goes to `top_k` different experts.
    """
    if tokens < 1 or top_k < 1:
        raise BadInput(f"{tokens} tokens to {top_k} experts each are no pass through a layer")
    if not top_k <= active_experts <= tokens * top_k:
        raise BadInput(
            f"{active_experts} active experts cannot be: {tokens} tokens to {top_k} experts each "
            f"reach {top_k} to {tokens * top_k}"
        )
    rows, more = divmod(tokens * top_k, active_experts)
    loads = {rows + 1: more, rows: active_experts - more}
    return {rows: experts for rows, experts in loads.items() if experts}


def check_routing(router: SurfaceKey, top_k: int, active_experts: int) -> None:
    """Raise BadInput for a routing that is not the one of this router, where it says its own."""
    if router.experts is not None and active_experts > router.experts:
        raise BadInput(
            f"{active_experts} active experts cannot be: {router.op} was measured with"
            f" {router.experts} experts in all",
            hint="count the experts that get any token",
        )
    if router.top_k is not None and top_k != router.top_k:
        raise BadInput(
            f"top_k is {top_k}, and {router.op} was measured with {router.top_k}",
            hint=f"ask for {router.top_k}, or profile a preset with a top_k of {top_k}",
        )


def compose(
    tokens: int,
    top_k: int,
    active_experts: float,
    parts: Iterable[LayerPart],
    intervals: IntervalScores,
) -> LayerCost:
    """Add up the kernels of a layer, with the interval of `interval_of_sum`.

    The energy has no interval where that of any part has none.
    """
    found = tuple(parts)
    costs = [part.cost for part in found]
    latency_us, latency_us_lo, latency_us_hi = _sum(found, "latency_us", intervals)
    without = [one for one in costs if one.energy_mj is None]
    unbounded = [one for one in costs if one.energy_mj_lo is None or one.energy_mj_hi is None]
    low, high = (None, None) if unbounded else _sum(found, "energy_mj", intervals)[1:]
    energy_mj = sum(part.calls * (part.cost.energy_mj or 0.0) for part in found)
    return LayerCost(
        tokens=tokens,
        assignments=tokens * top_k,
        active_experts=active_experts,
        latency_us=latency_us,
        latency_us_lo=latency_us_lo,
        latency_us_hi=latency_us_hi,
        energy_mj=None if without else energy_mj,
        energy_mj_lo=low,
        energy_mj_hi=high,
        energy_reason=f"{without[0].op}: {without[0].energy_reason}" if without else None,
        energy_interval_reason=f"{unbounded[0].op}: {_NO_INTERVAL}" if unbounded else None,
        estimated=any(one.extrapolated or one.transferred or one.estimated for one in costs),
        parts=found,
        sum_us=latency_us,
    )


def _sum(
    parts: Iterable[LayerPart], quantity: str, intervals: IntervalScores
) -> tuple[float, float, float]:
    """The sum of a quantity of `Cost` that has bounds, and the bounds of the sum."""
    ends = (quantity, f"{quantity}_lo", f"{quantity}_hi")
    return interval_of_sum(
        ((one.cost.op, one.calls, *(getattr(one.cost, end) for end in ends)) for one in parts),
        intervals,
    )


def in_one_unit(layer: LayerCost, difference: LayerDifference) -> LayerCost:
    """Add to the sum of the parts what they take otherwise in a row.

    The errors of the sum and of the difference are taken as independent.
    """
    latency_us = as_one_unit_us(difference, layer.sum_us, len(layer.parts))
    below, above = (
        hypot(log(bound_us / layer.sum_us), difference.half_95)
        for bound_us in (max(layer.latency_us_lo, layer.sum_us * _LEAST), layer.latency_us_hi)
    )
    return replace(
        layer,
        latency_us=latency_us,
        latency_us_lo=latency_us / exp(below),
        latency_us_hi=latency_us * exp(above),
        difference_us=latency_us - layer.sum_us,
        difference=difference,
    )


def as_measured(layer: LayerCost, unit: Cost) -> LayerCost:
    """Answer by the layer as it was measured as one unit, which nothing is missing from.

    The energy is that of the parts: there is none where a part is missing.
    """
    if layer.missing:
        layer = replace(
            layer,
            energy_mj=None,
            energy_mj_lo=None,
            energy_mj_hi=None,
            energy_reason=layer.energy_reason or "; ".join(layer.missing),
            energy_interval_reason=None,
        )
    return replace(
        layer,
        latency_us=unit.latency_us,
        latency_us_lo=unit.latency_us_lo,
        latency_us_hi=unit.latency_us_hi,
        difference_us=unit.latency_us - layer.sum_us,
        difference_reason=None,
        missing=(),
        is_as_measured=True,
    )


def with_communication(layer: LayerCost, exchanges: tuple[Communication, ...]) -> LayerCost:
    """Add the estimated times of exchanges between ranks; name those whose time is not known."""
    added_us = sum(one.latency_us or 0.0 for one in exchanges)
    unknown = tuple(f"{one.name}: {NO_LINK}" for one in exchanges if one.latency_us is None)
    return replace(
        layer,
        latency_us=layer.latency_us + added_us,
        latency_us_lo=layer.latency_us_lo + added_us,
        latency_us_hi=layer.latency_us_hi + added_us,
        communication=exchanges,
        missing=layer.missing + unknown,
        estimated=layer.estimated or added_us > 0,
    )
