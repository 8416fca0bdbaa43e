"""A batch drawn by given chances, and the experts that program D lets it read.

Which experts a batch reads depends on its scores. Where only chances are known, scores are drawn:
logits log(chance) + Gumbel noise, whose top k follow the chances (Plackett and Luce; Yellott, J.
Math. Psychology 15, 1977). The scores of a real router are another matter.
"""

from dataclasses import dataclass

import numpy as np

from ...stats.arrays import Float64, Int64
from ..programs.active_set import ActiveSet, choose_experts, first_choices, shares_of_mass
from .plan import StaticPlan

_LEAST_CHANCE = 1e-12


@dataclass(frozen=True, eq=False)
class DrawnBatch:
    """Tokens of each expert [N] under the model's own routing and under the answer.

    `chosen` are the experts to read. `kl_nats` is -log of the share of its own top-k mass that a
    token keeps, summed over all assignments.
    """

    own_counts: Int64
    counts: Int64
    chosen: ActiveSet
    kl_nats: float


def drawn_batch(plan: StaticPlan, charges: Float64, seed: int = 0) -> DrawnBatch:
    """Draw the batch of a plan, and choose its experts by `charges` [N], top_k of them at least."""
    chances, tokens = plan.occasion.chances, plan.occasion.tokens
    top_k = round(float(chances.sum()))
    noise = np.random.default_rng(seed).gumbel(size=(tokens, len(chances)))
    logits = np.log(np.maximum(chances, _LEAST_CHANCE)) + noise
    scores = np.exp(logits - logits.max(axis=1, keepdims=True))
    needed = first_choices(scores)
    needed[np.argsort(-scores.sum(axis=0))[:top_k]] = True
    chosen = choose_experts(shares_of_mass(scores, top_k), charges, top_k, needed)
    own = _best(logits, top_k)
    picked = _best(np.where(chosen.kept, logits + plan.bias, -np.inf), top_k)
    kept_mass, mass = (np.take_along_axis(scores, at, 1).sum(axis=1) for at in (picked, own))
    return DrawnBatch(
        own_counts=np.bincount(own.ravel(), minlength=len(chances)),
        counts=np.bincount(picked.ravel(), minlength=len(chances)),
        chosen=chosen,
        kl_nats=max(0.0, -top_k * float(np.log(kept_mass / mass).sum())),
    )


def _best(ranks: Float64, top_k: int) -> Int64:
    """The places of the top_k largest ranks of each row, [tokens, top_k]."""
    if top_k == ranks.shape[1]:
        return np.tile(np.arange(top_k), (len(ranks), 1))
    best: Int64 = np.argpartition(-ranks, top_k - 1, axis=1)[:, :top_k]
    return best
