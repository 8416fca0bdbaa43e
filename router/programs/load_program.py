"""Program C: which load each expert should have, and whether the step must wait.

    min  kl_price KL + E + (idle_power + time_price) * period
    with E <= (cap - idle_power) * period,  period >= latency of every GPU,  sum of loads fixed

KL is that of the loads to those of the model's own routing. The program acts on convex hulls of
the measured curves (hull.py), each for an expert in use: an expert without a share stays without.
"""

from dataclasses import dataclass
from math import isfinite
from typing import Literal

import numpy as np

from ...stats.arrays import Float64
from ...store.errors import BadInput
from ..curves import Curves
from ..expert_costs import ExpertCosts
from ..hull import hull_of
from .batch import Batch, headroom, own_loads
from .dual import DualPoint, Hulls, LoadDual
from .several_gpus import solve_several
from .two_demands import Optimum, solve_two

Verdict = Literal["slack", "routed", "paced"]
_NO_WEIGHT, _LEAST_KL_PRICE, _ENOUGH = 1e-3, 1e-10, 1e-6


@dataclass(frozen=True, slots=True)
class LoadPrices:
    """What routing may trade: joules for one nat of KL, and watts for the time of a step.

    Raises BadInput unless the price of a nat is a positive number and that of time 0 or more.
    """

    kl_price_j: float
    time_price_w: float = 0.0

    def __post_init__(self) -> None:
        if not (isfinite(self.kl_price_j) and self.kl_price_j > 0):
            raise BadInput(f"kl_price_j is {self.kl_price_j} J, and must be above 0")
        if not (isfinite(self.time_price_w) and self.time_price_w >= 0):
            raise BadInput(f"time_price_w is {self.time_price_w} W, and must be 0 or more")


@dataclass(frozen=True, eq=False)
class LoadPlan:
    """The answer of Program C for one pass of a layer.

    `loads` [N] are expected assignments. Energy, latency, period, power and verdict are those of
    the hulls: by the measured curves the same loads may take more, and exceed the cap (for these
    see static/expected.py). `energy_j` is that above idle, `power_w` the mean over the period, idle
    included. `kl_nats` is sum n_i log(n_i / own_i) over all assignments of the pass.

    `bias` [N] is log(n_i / own_i) less its mean: added to logits, it moves routing towards these
    loads, and to them where all tokens route alike. It is -(price_per_j * dE/dn_i + price_per_s *
    dL/dn_i), in nats, up to a constant and the load limit; `price_per_s` [GPUs] is that of a second
    on each GPU.

    `objective_j` is the program's at these loads, and no loads have one below `bound_j`, both for
    the hulls; `gap` is their difference over the objective. `measured_gap` is the same with the
    measured curves at these loads in place of the hulls: how far the answer, as it is measured, is
    at most from the best loads of experts that stay in use.

    `verdict`: slack, if the power of these loads is below the cap or there is none; routed, if the
    cap binds and the loads alone meet it; paced, if at these prices it is cheaper to let the period
    be longer than the latency.
    """

    loads: Float64
    period_s: float
    latency_s: float
    energy_j: float
    kl_nats: float
    power_w: float
    price_per_j: float
    price_per_s: Float64
    bias: Float64
    objective_j: float
    bound_j: float
    gap: float
    measured_gap: float
    verdict: Verdict
    energy_reason: str | None


class LoadProgram:
    """Program C for the experts of one layer; made once, solved for each batch."""

    def __init__(self, costs: ExpertCosts) -> None:
        self.costs = costs
        self.energy = hull_of(costs.loads, costs.energy_j)
        self.latency = hull_of(costs.loads, costs.latency_s)
        self._energy_j = Curves(costs.loads, costs.energy_j)
        self._latency_s = Curves(costs.loads, costs.latency_s)
        self._steepest_j = float(np.abs(self.energy.slopes).max())
        self._steepest_s = float(np.abs(self.latency.slopes).max())
        self._hulls = Hulls.over(costs.loads, self.energy, self.latency, costs.gpu_of, costs.gpus)

    def solve(
        self,
        shares: Float64,
        assignments: float,
        prices: LoadPrices,
        cap_w: float | None = None,
        warm: LoadPlan | None = None,
    ) -> LoadPlan:
        """Find the loads of one pass of `assignments` assignments.

        `shares` [N] are in proportion to the loads under the model's own routing. `cap_w` is the
        mean power that all GPUs may draw together, their idle power included. `warm` is an earlier
        answer to start from.

        No expert gets more than the largest load of the costs: give those `up_to` the tokens of the
        batch. Raises BadInput where the model's own routing exceeds it, for shares or assignments
        that are none, a cap at or below idle power, a cap where energy is unknown, and a price of a
        nat that is next to nothing.
        """
        batch = self._batch(shares, assignments, prices, cap_w)
        if assignments == 0:
            return self._nothing(prices)
        dual = LoadDual(self._hulls, batch)
        return self._plan(batch, _solved(dual, warm))

    def _batch(
        self, shares: Float64, assignments: float, prices: LoadPrices, cap_w: float | None
    ) -> Batch:
        costs = self.costs
        headroom_w = None if cap_w is None else headroom(costs, cap_w)
        if shares.shape != (costs.experts,):
            raise BadInput(
                f"shares have the shape {shares.shape}, and must have ({costs.experts},)"
            )
        if costs.energy_reason is not None and prices.time_price_w == 0:
            raise BadInput(
                f"time_price_w is 0 W, and energy is unknown: {costs.energy_reason}",
                hint="give time a price: routing then acts on time alone",
            )
        period_price_w = costs.idle_power_w + prices.time_price_w
        most_j = 1.0 if headroom_w is None else 1.0 + period_price_w / headroom_w
        row_j = most_j * self._steepest_j + period_price_w * self._steepest_s
        if prices.kl_price_j < _LEAST_KL_PRICE * row_j:
            raise BadInput(
                f"kl_price_j is {prices.kl_price_j:g} J, and a row costs up to {row_j:g} J at the"
                " prices of time and of the cap",
                hint=f"a nat must cost at least {_LEAST_KL_PRICE:g} of that to be told from none",
            )
        return Batch(
            own=own_loads(shares, assignments, float(costs.loads[-1])),
            kl_price_j=prices.kl_price_j,
            period_price_w=period_price_w,
            headroom_w=headroom_w,
        )

    def _plan(self, batch: Batch, found: Optimum) -> LoadPlan:
        point, headroom_w = found.point, batch.headroom_w
        period_s = float(point.demands_s.max())
        energy_weight_w = float(point.weights_w[-1]) if headroom_w is not None else 0.0
        joule = 1.0 + (energy_weight_w / headroom_w if headroom_w else 0.0)
        latency_s = float(point.demands_s[: self.costs.gpus].max())
        measured_j = self._measured_j(batch, point)
        return LoadPlan(
            loads=point.loads,
            period_s=period_s,
            latency_s=latency_s,
            energy_j=point.energy_j,
            kl_nats=point.kl_nats,
            power_w=self._power_w(point.energy_j, period_s),
            price_per_j=joule / batch.kl_price_j,
            price_per_s=point.weights_w[: self.costs.gpus] / batch.kl_price_j,
            bias=centred(point.tilt),
            objective_j=point.objective_j,
            bound_j=found.bound_j,
            gap=found.gap,
            measured_gap=max(measured_j - found.bound_j, 0.0) / measured_j if measured_j else 0.0,
            verdict=_verdict(point, batch),
            energy_reason=self.costs.energy_reason,
        )

    def _nothing(self, prices: LoadPrices) -> LoadPlan:
        zeros = np.zeros(self.costs.experts)
        return LoadPlan(
            loads=zeros, period_s=0.0, latency_s=0.0, energy_j=0.0, kl_nats=0.0,
            power_w=self.costs.idle_power_w, price_per_j=1.0 / prices.kl_price_j,
            price_per_s=np.zeros(self.costs.gpus), bias=zeros, objective_j=0.0, bound_j=0.0,
            gap=0.0, measured_gap=0.0, verdict="slack", energy_reason=self.costs.energy_reason,
        )  # fmt: skip

    def _power_w(self, energy_j: float, period_s: float) -> float:
        return self.costs.idle_power_w + (energy_j / period_s if period_s else 0.0)

    def _measured_j(self, batch: Batch, point: DualPoint) -> float:
        """The objective at these loads by the measured curves; an expert in use has a row."""
        costs = self.costs
        one = costs.loads[1] * (point.loads > 0)
        loads = np.minimum(np.maximum(point.loads, one), costs.loads[-1])
        pieces = self._energy_j.pieces(loads)
        energy_j = float(self._energy_j.at(loads, pieces).sum())
        period_s = float(np.bincount(costs.gpu_of, self._latency_s.at(loads, pieces)).max())
        if batch.headroom_w is not None:
            period_s = max(period_s, energy_j / batch.headroom_w)
        return batch.kl_price_j * point.kl_nats + energy_j + batch.period_price_w * period_s


def _verdict(point: DualPoint, batch: Batch) -> Verdict:
    """What the cap asked for, by the demand that bears the weight; that of the cap is the last."""
    if batch.headroom_w is None:
        return "slack"
    waits_s = float(point.demands_s[-1] - point.demands_s[:-1].max())
    least_w = _NO_WEIGHT * batch.period_price_w
    if waits_s <= 0 and point.weights_w[-1] <= least_w:
        return "slack"
    return "paced" if waits_s > 0 and point.weights_w[:-1].sum() <= least_w else "routed"


def _solved(dual: LoadDual, warm: LoadPlan | None) -> Optimum:
    """The best loads: of two demands by a search, of more, or where it fails, by a central path."""
    batch = dual.batch
    if batch.period_price_w == 0:  # time costs nothing: no demand bears weight
        point = dual.at(np.zeros(dual.demands))
        return Optimum(point, point.bound_j)
    if dual.demands <= 2:
        warm_w = None
        if warm is not None and batch.headroom_w is not None:
            warm_w = (warm.price_per_j * batch.kl_price_j - 1.0) * batch.headroom_w
        found = solve_two(dual, warm_w)
        if found.gap <= _ENOUGH:
            return found
    return solve_several(dual)


def solve_loads(
    costs: ExpertCosts,
    shares: Float64,
    assignments: float,
    prices: LoadPrices,
    cap_w: float | None = None,
    warm: LoadPlan | None = None,
) -> LoadPlan:
    """`LoadProgram.solve` for costs that are used once; raises what it raises."""
    return LoadProgram(costs).solve(shares, assignments, prices, cap_w, warm)


def centred(tilt: Float64) -> Float64:
    """Values [N] less their mean; equal values give exactly 0."""
    shifted = tilt - tilt[0]
    return np.asarray(shifted - shifted.mean(), dtype=np.float64)
