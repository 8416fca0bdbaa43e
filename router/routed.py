"""The answer to one batch: what was picked, how, and what is certified of it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import torch

from ..stats.arrays import Float64, Int64
from .certificate import Certificate, Certifier
from .expert_costs import ExpertCosts
from .programs.active_set import bound_at_border, first_choices, objective_of, shares_of_mass
from .programs.load_program import Verdict
from .rules import Rule
from .selection import Picks
from .static.expected import PassCost, cost_of_counts
from .static.plan import StaticPlan

_NO_BEST: Final = (
    "a picked expert has no weight: its token has NaN, fewer finite logits than experts to pick, or"
    " logits too far apart for float32"
)


@dataclass(frozen=True, eq=False)
class RoutingState:
    """How batches are routed until the next change, which replaces it whole.

    `ranking` float32 [experts] is what is added on a CPU to what ranks: the rule's bias and the
    model's own, None where neither is. `charges` are the rule's, as float32 [experts].
    `plan` is what the rule stands on, None for a batch of no tokens.
    """

    costs: ExpertCosts
    rule: Rule
    ranking: torch.Tensor | None
    charges: torch.Tensor | None
    cap_w: float | None
    plan: StaticPlan | None

    @property
    def is_binding(self) -> bool:
        """Whether the model's own routing exceeds the cap at the loads of the plan."""
        return self.plan is not None and self.plan.verdict != "slack"

    @cached_property
    def certifier(self) -> Certifier:
        """Certifies batches that were routed in this state."""
        return Certifier(self.costs, self.rule.price_per_j, self.rule.price_per_s)


@dataclass(frozen=True, eq=False)
class ReadSet:
    """The experts that a batch may read, chosen by `scores` [tokens, experts] of 0 or more.

    `chosen` bool [experts] was decided before the batch made its `picks`.
    """

    chosen: torch.Tensor
    scores: torch.Tensor
    picks: Picks

    @property
    def kept(self) -> torch.Tensor:
        """What was chosen, bool [experts], and what tokens read that have -inf for part of it."""
        return self.chosen | (self.picks.counts > 0)

    def certificate(self, charges: Float64) -> Certificate:
        """How far the set is from the best that holds each token's first choice.

        In shares of a token's top-k mass, as `charges` [experts] are.
        """
        scores = self.scores.detach().cpu().numpy().astype(np.float64)
        top_k, kept = self.picks.ids.shape[1], self.kept.cpu().numpy()
        values = shares_of_mass(scores, top_k)
        bound = bound_at_border(values, charges, top_k, first_choices(scores))
        objective = objective_of(values, charges, top_k, kept)
        return Certificate(max(bound - objective, 0.0), float(charges[kept].sum()))


class RoutedBatch:
    """The experts and weights of a batch; all else is computed when it is asked for.

    `ids` int32 [tokens, k], best first, and `weights` float32 [tokens, k], which are those of the
    model's own scores, are on the device of the logits. `read` are the experts that the
    batch may read, where it chose them.
    """

    __slots__ = ("_picks", "_state", "ids", "read", "weights")

    def __init__(self, picks: Picks, state: RoutingState, read: ReadSet | None = None) -> None:
        self.ids, self.weights, self.read = picks.ids, picks.weights, read
        self._picks, self._state = picks, state

    @property
    def counts(self) -> torch.Tensor:
        """Tokens of each expert, int32 [experts], on the device of the logits."""
        return self._picks.counts

    @property
    def bias(self) -> Float64:
        """What the router added to what ranks experts, [experts]; its mean is 0."""
        return self._state.rule.bias

    @property
    def cost(self) -> PassCost:
        """Energy, latency and power of the batch by the cost model."""
        return cost_of_counts(self._state.costs, host_counts(self._picks))

    @property
    def certificate(self) -> Certificate | None:
        """How far the picks are from the best of all, in units of what ranks; None if unknown.

        `certificate_reason` says why. Of limited groups, the best are those within the groups that
        each token kept. Where the batch chose the experts to read it is that of
        their set (`ReadSet`), and says nothing of the picks among them.
        """
        if self.certificate_reason is not None:
            return None
        charges = self._state.rule.charges
        if self.read is not None and charges is not None:
            return self.read.certificate(charges)
        tokens = len(self.ids)
        return self._state.certifier.gap(self._state.rule.bias, host_counts(self._picks), tokens)

    @property
    def certificate_reason(self) -> str | None:
        """Why there is no certificate; None where there is one."""
        weights = self.weights.detach().cpu().numpy()
        if np.count_nonzero(weights) < weights.size:
            return _NO_BEST
        return self._beyond_costs()

    @property
    def price_per_j(self) -> float | None:
        """What a joule costs in units of what ranks; None where energy is unknown."""
        return self._state.rule.price_per_j if self._state.costs.energy_reason is None else None

    @property
    def deferred_share(self) -> float | None:
        """The share of arriving tokens that must wait by the controller; None where none decided.

        What a batch above the cap of the settings must wait is another matter (`reasons`).
        """
        return self._state.rule.deferred_share

    @property
    def verdict(self) -> Verdict | None:
        """Whether the batch keeps to the power cap: slack, routed, or paced (it has to wait).

        None where a controller decides alone: no cap is in the settings, and its targets are its
        own.
        """
        cap_w, deferred_share = self._state.cap_w, self._state.rule.deferred_share
        is_deferred = deferred_share is not None and deferred_share > 0
        if is_deferred or (cap_w is not None and not self.cost.within(cap_w)):
            return "paced"
        if cap_w is None and deferred_share is not None:
            return None
        return "slack" if cap_w is None or not self._state.is_binding else "routed"

    @property
    def reasons(self) -> tuple[str, ...]:
        """What to know of this answer: the regime, what it falls back to, and what it must wait."""
        state, cost, beyond = self._state, self.cost, self._beyond_costs()
        told = state.rule.reasons if beyond is None else (*state.rule.reasons, beyond)
        if state.cap_w is None or cost.within(state.cap_w):
            return told
        period_s = cost.period_s(state.cap_w - state.costs.idle_power_w)
        sentence = (
            f"the batch draws {cost.power_w:.4g} W without waiting and the cap is"
            f" {state.cap_w:.4g} W: start one every {1e3 * period_s:.4g} ms"
        )
        safe_tokens = None if state.plan is None else state.plan.safe_tokens
        safe = f"up to {safe_tokens} tokens need no wait"
        if safe_tokens is None:
            safe = "no batch size keeps to it without a wait"
        return (*told, f"{sentence}; {safe}")

    def _beyond_costs(self) -> str | None:
        """The sentence on an expert of more tokens than its costs reach; None where none has."""
        most, busiest = float(self._state.costs.loads[-1]), int(host_counts(self._picks).max())
        if busiest <= most:
            return None
        return f"an expert has {busiest} tokens, and its costs end at {most:g} and are taken there"


def host_counts(picks: Picks) -> Int64:
    """Tokens of each expert [experts], on the CPU."""
    counts: Int64 = picks.counts.cpu().numpy().astype(np.int64)
    return counts
