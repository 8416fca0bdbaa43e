"""The bias of each strategy and the prices behind it, in units of what ranks experts."""

from dataclasses import dataclass, field

import numpy as np
import torch

from ..kernels.routing import Routing, scores_of
from ..stats.arrays import Float64
from ..store.errors import BadInput
from .control.controller import Decision
from .expert_costs import ExpertCosts
from .marginals import Marginals
from .programs.load_program import centred
from .static.plan import StaticPlan, of_energies


@dataclass(frozen=True, eq=False, slots=True)
class Rule:
    """How experts are ranked beside their scores.

    `bias` [experts] has the mean 0. A joule costs `price_per_j`, a second on each GPU `price_per_s`
    [GPUs]. `charges` [experts] are those of `StaticPlan` where batches choose the experts to read.
    `deferred_share` of arriving tokens must wait, by a controller; None where none decided.
    """

    bias: Float64
    price_per_j: float
    price_per_s: Float64
    charges: Float64 | None = None
    deferred_share: float | None = None
    reasons: tuple[str, ...] = field(default=())


def empty_rule(costs: ExpertCosts) -> Rule:
    """No bias and no prices, for a batch of no tokens."""
    reasons = (*of_energies(costs), *costs.remarks)
    return Rule(np.zeros(costs.experts), 0.0, np.zeros(costs.gpus), reasons=reasons)


def no_bias(plan: StaticPlan, score_per_nat: float) -> Rule:
    """The model's own routing, at the plan's prices."""
    return Rule(
        np.zeros(len(plan.bias)),
        plan.price_per_j * score_per_nat,
        plan.price_per_s * score_per_nat,
        reasons=plan.reasons,
    )


def planned(
    plan: StaticPlan, routing: Routing, score_per_nat: float, *, is_corrected: bool
) -> Rule:
    """The plan's bias, or its charges.

    No experts to read are chosen of limited groups, nor where ranks are corrected by a bias of the
    model: a rank is then no share of a token's top-k mass, which charges are in.
    """
    charges, reasons = plan.charges, plan.reasons
    if charges is not None and routing.groups > 1:
        charges, reasons = None, (*reasons, "experts are in limited groups: none is left out")
    elif charges is not None and is_corrected:
        charges, reasons = None, (*reasons, "a correction bias ranks experts: none is left out")
    elif charges is not None:
        reasons = (*reasons, "what a token gets depends on the others of its batch")
    return Rule(
        plan.bias * score_per_nat,
        plan.price_per_j * score_per_nat,
        plan.price_per_s * score_per_nat,
        charges,
        reasons=reasons,
    )


def by_marginals(
    marginals: Marginals, alpha_per_j: float, beta_per_s: float, pressure: float, gpus: int
) -> Rule:
    """-pressure (alpha dE/dn_i + beta dT/dn_i): alpha in scores per J, beta in scores per s."""
    alpha_per_j, beta_per_s = pressure * alpha_per_j, pressure * beta_per_s
    bias = -(alpha_per_j * marginals.energy_j + beta_per_s * marginals.latency_s)
    return Rule(centred(bias), alpha_per_j, np.full(gpus, beta_per_s / gpus))


def controlled(decision: Decision, plan: StaticPlan, score_per_nat: float) -> Rule:
    """The bias of a controller, which is in nats.

    Its price is that of a joule, and where energy is unknown that of a second.
    """
    gpus, reasons = len(plan.price_per_s), plan.reasons
    if decision.deferred_share > 0:
        waits = f"{decision.deferred_share:.1%} of the arriving tokens must wait".replace("%", " %")
        reasons = (*reasons, f"the bias alone does not keep the targets: {waits}")
    per_j, per_s = plan.price_per_j, plan.price_per_s
    if decision.price_per_j is not None and plan.baseline.power_w is None:
        per_j, per_s = 0.0, np.full(gpus, decision.price_per_j / gpus)
    elif decision.price_per_j is not None:
        per_j, per_s = decision.price_per_j, np.zeros(gpus)
    return Rule(
        centred(decision.bias) * score_per_nat,
        per_j * score_per_nat,
        per_s * score_per_nat,
        deferred_share=decision.deferred_share,
        reasons=reasons,
    )


def check_decision(decision: Decision, experts: int) -> None:
    """Raise BadInput for a bias that is not finite, or not of every expert."""
    if decision.bias.shape != (experts,) or not np.isfinite(decision.bias).all():
        raise BadInput(
            f"the controller's bias must be {experts} finite numbers, and is"
            f" {decision.bias.dtype} {list(decision.bias.shape)}"
        )


def score_per_nat(logits: torch.Tensor, ids: torch.Tensor, routing: Routing) -> float:
    """By how much a score at the border of the picks grows when its logit grows by one nat.

    `ids` [tokens, k] are the picks, best first. A price in nats is turned by it into one in the
    space that ranks: 1 for logits, and the mean of s (1 - s) at the last pick for softmax and
    sigmoid scores s, which are off by little near it.
    """
    if routing.scores == "picked":
        return 1.0
    scores = scores_of(logits.to(torch.float32), routing)
    is_finite = torch.isfinite(scores).all(dim=1)
    if not is_finite.any():
        return 1.0
    border = scores.gather(1, ids[:, -1:].long())[is_finite]
    return float((border * (1 - border)).mean())
