"""The router of one layer: the model's own routing, and a bias from what experts cost."""

import threading
from collections import deque
from dataclasses import replace
from typing import Final, Protocol

import numpy as np
import torch

from ..kernels.routing import scores_of
from ..stats.arrays import Float64
from ..store.errors import BadInput
from .control.controller import Controller, Decision, Telemetry
from .expert_costs import ExpertCosts
from .marginals import MarginalCosts
from .programs.one_pass import one_pass
from .routed import ReadSet, RoutedBatch, RoutingState, host_counts
from .rules import (
    Rule,
    by_marginals,
    check_decision,
    controlled,
    empty_rule,
    no_bias,
    planned,
    score_per_nat,
)
from .selection import pick
from .settings import RouterSettings, check_not_negative
from .static.plan import Occasion, StaticPlan, plan_static
from .static.power_cap import cap_of
from .static.regime import MOST_TOKENS

_RECENT: Final = 64  # batches whose counts a controller is told
_MOVED: Final = 0.01  # a rule does not follow a smaller change of the pressure
_NEVER: Final = -1e30  # added to the rank of an expert that is not to be read
_NO_PRESSURE: Final = "the monitor tells no pressure: the rule applies in full"


class Pressures(Protocol):
    """What a monitor's snapshot says of its GPU, from 0 to 1; None where it does not know."""

    @property
    def thermal_pressure(self) -> float | None:
        """Of heat."""
        ...

    @property
    def power_pressure(self) -> float | None:
        """Of power."""
        ...


class Monitor(Protocol):
    """What `kernel_aware` asks for the pressure."""

    def snapshot(self) -> Pressures:
        """The last snapshot."""
        ...


class AdaptiveRouter:
    """Routes the batches of one layer, whose experts cost `costs`.

    The first batch decides for which loads the router plans; `plan_for` plans for those of another.
    Any thread may route while another changes the bias: a batch is routed whole by the one or the
    other.

    `controller` decides for kernel_aware_ttha, once per `update_ttha`. `monitor` scales the rule of
    kernel_aware by the larger of its pressures of heat and power, as each batch finds it.

    Raises BadInput for a top_k above the experts there are, targets that are unreachable, a
    correction bias that does not fit, and a strategy without its controller.
    """

    def __init__(
        self,
        costs: ExpertCosts,
        settings: RouterSettings,
        controller: Controller | None = None,
        monitor: Monitor | None = None,
    ) -> None:
        settings.check(costs)
        if settings.strategy == "kernel_aware_ttha" and controller is None:
            raise BadInput("kernel_aware_ttha routes by a controller, and none was given")
        self.costs, self.settings = costs, settings
        self.cap_w = cap_of(settings.targets, costs, settings.thermal)
        self._controller = controller if settings.strategy == "kernel_aware_ttha" else None
        self._monitor = monitor if settings.strategy == "kernel_aware" else None
        self._alpha_per_j, self._beta_per_s = settings.alpha_per_j, settings.beta_per_s
        self._marginals = MarginalCosts(costs)
        self._recent: deque[torch.Tensor] = deque(maxlen=_RECENT)
        self._pressure: float | None = None
        self._state: RoutingState | None = None
        self._plan: StaticPlan | None = None
        self._score_per_nat = 1.0
        self._lock = threading.Lock()  # it guards what changes the state; a batch takes none
        self._decision: Decision | None = None
        self._tensors: dict[torch.device, torch.Tensor] = {}

    @property
    def plan(self) -> StaticPlan | None:
        """The plan that the router stands on; None before its first batch."""
        return self._plan

    def route(self, logits: torch.Tensor) -> RoutedBatch:
        """Route a batch of `logits` [tokens, experts].

        Raises BadInput as kernels/topk does, and for another number of experts than costs have.
        """
        self._check_logits(logits)
        settings = self.settings
        state = self._state or self._first_state(logits)
        if self._monitor is not None:
            state = self._under_pressure(state)
        if state.charges is not None and len(logits) <= MOST_TOKENS:
            return self._on_kept(logits, state, state.charges)
        picks = pick(logits, settings.top_k, settings.routing, self._ranking(logits, state))
        if self._controller is not None:
            self._recent.append(picks.counts)
        return RoutedBatch(picks, state)

    def ranking_bias(self, device: torch.device | str = "cpu") -> torch.Tensor:
        """What is added to the scores that rank, float32 [experts]: the router's and the model's.

        One tensor for each device, which is changed in place: a captured CUDA graph, or an engine
        that reads it at each launch, sees every change.
        """
        device = torch.device(device)
        tensor = self._tensors.get(device)
        if tensor is None:
            with self._lock:
                made = self._whole_bias().to(device, copy=True)
                tensor = self._tensors.setdefault(device, made)
        return tensor

    def plan_for(self, logits: torch.Tensor) -> StaticPlan:
        """Plan for loads like those of a batch under the model's own routing.

        A batch of more tokens than the costs reach is planned for as one of so many. Raises
        BadInput for a batch of no tokens, and as `route` does.
        """
        self._check_logits(logits)
        settings, own = self.settings, self.settings.correction_bias
        own = None if own is None else own.to(logits.device)
        picks = pick(logits, settings.top_k, settings.routing, own)
        chances = host_counts(picks) / max(1, len(logits))
        tokens = min(len(logits), int(self.costs.loads[-1]))
        prices = settings.kl_price_j, settings.time_price_w, self.cap_w, settings.whole_step
        plan = plan_static(self.costs, Occasion(chances, tokens, *prices))
        with self._lock:
            self._score_per_nat = score_per_nat(logits, picks.ids, settings.routing)
            self._plan = plan
            self._enter(self._rule(plan))
        return plan

    def set_weights(self, *, alpha_per_j: float, beta_per_s: float) -> None:
        """Set what a joule and a second cost in units of a score, for kernel_aware.

        Raises BadInput for a weight that is negative or not finite.
        """
        check_not_negative("alpha_per_j", alpha_per_j)
        check_not_negative("beta_per_s", beta_per_s)
        with self._lock:
            self._alpha_per_j, self._beta_per_s = alpha_per_j, beta_per_s
            if self._plan is not None:
                self._enter(self._rule(self._plan))

    def update_ttha(self, telemetry: Telemetry) -> Decision:
        """One tick of the controller: what was seen in, its bias in force.

        Shares that are missing in `telemetry` are those of the last batches. Raises BadInput for
        another strategy, and for a bias that is not finite or not of every expert.
        """
        if self._controller is None:
            raise BadInput(f"the strategy {self.settings.strategy} has no controller")
        if telemetry.shares is None:
            telemetry = replace(telemetry, shares=self._recent_shares())
        with self._lock:
            decision = self._controller.tick(telemetry)
            check_decision(decision, self.costs.experts)
            self._decision = decision
            if self._plan is not None:
                self._enter(self._rule(self._plan))
        return decision

    def _ranking(self, logits: torch.Tensor, state: RoutingState) -> torch.Tensor | None:
        """What is added to the scores that rank a batch, on its device.

        On a CPU it is the state's own tensor, which no change touches. On a GPU it is the tensor
        that is changed in place, also at a bias of 0 while a graph is captured.
        """
        if logits.is_cpu:
            return state.ranking
        if state.ranking is None and not torch.cuda.is_current_stream_capturing():
            return None
        return self.ranking_bias(logits.device)

    def _on_kept(
        self, logits: torch.Tensor, state: RoutingState, charges: torch.Tensor
    ) -> RoutedBatch:
        """Choose the experts that the batch reads, and route its tokens among them.

        At least top_k are kept, those of the largest scores.
        """
        settings, routing = self.settings, self.settings.routing
        precise = logits.to(torch.float32)
        is_logit = routing.scores == "picked"
        scores = torch.softmax(precise, dim=1) if is_logit else scores_of(precise, routing)
        kept = one_pass(scores, charges.to(logits.device), settings.top_k)
        kept[scores.sum(dim=0).topk(settings.top_k).indices] = True
        ranking = self._ranking(logits, state)
        if ranking is None:
            ranking = torch.zeros(len(kept), dtype=torch.float32, device=logits.device)
        ranking = ranking.masked_fill(~kept, _NEVER)
        picks = pick(logits, settings.top_k, settings.routing, ranking)
        return RoutedBatch(picks, state, ReadSet(kept, scores, picks))

    def _check_logits(self, logits: torch.Tensor) -> None:
        experts = self.costs.experts
        if not isinstance(logits, torch.Tensor):
            raise BadInput(f"logits are a {type(logits).__name__}, and must be a torch.Tensor")
        if logits.dim() != 2 or logits.shape[1] != experts:
            raise BadInput(
                f"logits must be [tokens, {experts}], and have the shape {list(logits.shape)}"
            )

    def _first_state(self, logits: torch.Tensor) -> RoutingState:
        """The state that the first batch decides; that of no bias for a batch of no tokens."""
        if len(logits) > 0:
            self.plan_for(logits)
        rule = empty_rule(self.costs)
        return self._state or RoutingState(self.costs, rule, None, None, self.cap_w, None)

    def _under_pressure(self, state: RoutingState) -> RoutingState:
        """The state at the monitor's pressure of now: this one, where that has hardly moved."""
        now, in_force, plan = self._pressure_of_now(), self._pressure, self._plan
        is_same = now is in_force or (
            now is not None and in_force is not None and abs(now - in_force) < _MOVED
        )
        if plan is None or is_same:
            return state
        with self._lock:
            return self._enter(self._rule(plan))

    def _rule(self, plan: StaticPlan) -> Rule:
        """The rule of the strategy, at the loads of a plan."""
        strategy, unit = self.settings.strategy, self._score_per_nat
        if strategy == "static_optimal":
            is_corrected = self.settings.correction_bias is not None
            return planned(plan, self.settings.routing, unit, is_corrected=is_corrected)
        if strategy == "kernel_aware":
            own = plan.occasion.chances * plan.occasion.tokens
            self._pressure = pressure = self._pressure_of_now()
            is_blind = self._monitor is not None and pressure is None
            weights = self._alpha_per_j, self._beta_per_s, 1.0 if pressure is None else pressure
            rule = by_marginals(self._marginals.at(own), *weights, self.costs.gpus)
            return replace(rule, reasons=(*plan.reasons, *([_NO_PRESSURE] if is_blind else [])))
        if strategy == "kernel_aware_ttha" and self._decision is not None:
            return controlled(self._decision, plan, unit)
        return no_bias(plan, unit)

    def _enter(self, rule: Rule) -> RoutingState:
        """Let a rule be in force: in one step for those that route, in place on the devices."""
        own = self.settings.correction_bias
        ranking = None if own is None else own.cpu()
        if rule.bias.any():
            bias = torch.from_numpy(rule.bias).to(torch.float32)
            ranking = bias if ranking is None else bias + ranking
        charges = None if rule.charges is None else torch.from_numpy(rule.charges).to(torch.float32)
        state = RoutingState(self.costs, rule, ranking, charges, self.cap_w, self._plan)
        self._state = state
        for tensor in self._tensors.values():
            tensor.copy_(self._whole_bias())
        return state

    def _whole_bias(self) -> torch.Tensor:
        """The bias in force and the model's own, float32 [experts] on the CPU."""
        ranking = None if self._state is None else self._state.ranking
        own = self.settings.correction_bias
        if ranking is None and own is not None:
            return own.cpu()
        none = torch.zeros(self.costs.experts, dtype=torch.float32, device="cpu")
        return none if ranking is None else ranking

    def _pressure_of_now(self) -> float | None:
        """The larger pressure of heat and power; None where nothing tells it."""
        if self._monitor is None:
            return None
        seen = self._monitor.snapshot()
        known = [one for one in (seen.thermal_pressure, seen.power_pressure) if one is not None]
        return max(known, default=None)

    def _recent_shares(self) -> Float64 | None:
        """Shares [experts] of the assignments of the last batches; None before any."""
        recent = [counts.cpu().numpy() for counts in list(self._recent)]
        counts = np.sum(recent, axis=0) if recent else np.zeros(1)
        total = float(counts.sum())
        return None if total == 0 else counts / total
