"""How a router writes it: which scores become weights, and which experts may be picked.

In torch for the reference, and what the kernel computes of it beside that.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Literal

import torch

from ..store.errors import BadInput
from .backend import jit, tl

_MAX_SCALE = torch.finfo(torch.float32).max


@dataclass(frozen=True, slots=True)
class Routing:
    """How logits become weights, as a model's router writes it.

    `scores`: "picked" is the softmax over the k logits picked, "softmax" that over all experts,
    "sigmoid" that of each logit. With `renormalise` the weights of a token sum to `scale`,
    otherwise each is the score times `scale`. Experts lie in `groups` of equal size, of which the
    best `kept_groups` may be picked from: by their largest logit, or with a bias by the sum of
    their two largest ranks. Raises BadInput for values that make no sense.
    """

    scores: Literal["picked", "softmax", "sigmoid"] = "picked"
    renormalise: bool = False
    scale: float = 1.0
    groups: int = 1
    kept_groups: int = 1

    def __post_init__(self) -> None:
        if self.scores not in ("picked", "softmax", "sigmoid"):
            raise BadInput(
                f"scores is {self.scores!r}", hint="it must be picked, softmax or sigmoid"
            )
        number = isinstance(self.scale, int | float | torch.SymFloat)
        if not (number and -_MAX_SCALE <= self.scale <= _MAX_SCALE):
            raise BadInput(f"scale is {self.scale!r}, and must be a finite float32")
        if type(self.groups) is not int or self.groups < 1:
            raise BadInput(f"groups is {self.groups!r}, and must be a positive integer")
        if type(self.kept_groups) is not int or not 1 <= self.kept_groups <= self.groups:
            raise BadInput(f"kept_groups is {self.kept_groups!r}, and must lie in 1..{self.groups}")


PLAIN = Routing()


def scores_of(logits: torch.Tensor, routing: Routing) -> torch.Tensor:
    """Scores [tokens, experts] as a bias is added to them."""
    if routing.scores == "picked":
        return logits
    return torch.sigmoid(logits) if routing.scores == "sigmoid" else torch.softmax(logits, dim=1)


def best_experts(
    logits: torch.Tensor, k: int, routing: Routing, bias: torch.Tensor | None
) -> torch.Tensor:
    """Experts [tokens, k] of the largest rank in the groups that may be picked from, best first.

    The rank is the logit, or with a bias the score and it; -inf stays.
    """
    rank = logits
    if bias is not None:
        precise = logits.to(torch.promote_types(logits.dtype, torch.float32))
        rank = (scores_of(precise, routing) + bias).masked_fill(precise == -inf, -inf)
    order = torch.sort(rank, dim=1, descending=True, stable=True).indices
    if routing.groups > 1:
        kept = experts_kept(rank, routing, by_two=bias is not None).gather(1, order)
        kept_first = torch.sort(kept.int(), dim=1, descending=True, stable=True).indices
        order = order.gather(1, kept_first)
    return order[:, :k]


def experts_kept(rank: torch.Tensor, routing: Routing, by_two: bool) -> torch.Tensor:
    """Which experts lie in the groups that may be picked from, bool [tokens, experts].

    A group counts by its largest rank, or by the sum of its two largest.
    """
    grouped = rank.view(len(rank), routing.groups, rank.shape[1] // routing.groups)
    best = grouped.topk(min(2, grouped.shape[2]) if by_two else 1, dim=2).values.sum(dim=2)
    order = torch.sort(best, dim=1, descending=True, stable=True).indices
    kept = torch.zeros_like(best, dtype=torch.bool)
    kept.scatter_(1, order[:, : routing.kept_groups], True)
    return kept.repeat_interleave(grouped.shape[2], dim=1)


def weights_of(logits: torch.Tensor, ids: torch.Tensor, routing: Routing) -> torch.Tensor:
    """Weights of the picks `ids` [tokens, k], of at least float32, differentiable by the logits."""
    precise = logits.to(torch.promote_types(logits.dtype, torch.float32))
    if routing.scores == "softmax":
        weights = scores_of(precise, routing).gather(1, ids)
    else:
        picked = precise.gather(1, ids)
        sigmoid = routing.scores == "sigmoid"
        weights = torch.sigmoid(picked) if sigmoid else torch.softmax(picked, dim=1)
    if routing.renormalise:
        weights = weights / weights.sum(dim=1, keepdim=True)
    weights = weights * routing.scale
    total = weights.sum(dim=1, keepdim=True)
    return torch.where(total == total, weights, 0.0)


@jit
def softmax_terms(x):  # type: ignore[no-untyped-def]
    """Maximum, and sum of the exponentials above it, of each row: both [ROWS, 1].

    Written out, because tl.softmax before triton 3.9 takes the maxima along the wrong axis.
    """
    highest = tl.max(x, axis=1)[:, None]
    return highest, tl.sum(tl.exp(x - highest), axis=1)[:, None]


@jit  # type: ignore[untyped-decorator]
def kernel_scores(x, highest, total, SCORES: tl.constexpr):  # type: ignore[no-untyped-def]
    """Scores of logits `x`; a softmax is over what has the terms `highest` and `total`."""
    if SCORES == "sigmoid":
        scores = tl.sigmoid(x)
    else:
        scores = tl.exp(x - highest) / total
    return scores


@jit  # type: ignore[untyped-decorator]
def kernel_ranks(x, bias, highest, total, SCORES: tl.constexpr):  # type: ignore[no-untyped-def]
    """Ranks of logits `x` with a bias, as `best_experts` has them."""
    scores = x if SCORES == "picked" else kernel_scores(x, highest, total, SCORES)
    return tl.where(x == float("-inf"), x, scores + bias)


@jit  # type: ignore[untyped-decorator]
def kernel_weights(  # type: ignore[no-untyped-def]
    picked,  # float32 [ROWS, PICKS] logits, -inf where there is no pick
    highest,  # terms of the softmax over all experts, where that is what scores are
    total,
    scale,
    SCORES: tl.constexpr,
    RENORMALISE: tl.constexpr,
):
    """Weights of the logits picked, as `weights_of` gives them."""
    if SCORES == "picked":
        highest, total = softmax_terms(picked)
    weights = kernel_scores(picked, highest, total, SCORES)
    if RENORMALISE or SCORES == "sigmoid":
        total = tl.sum(weights, axis=1)[:, None]
        # One that is NaN makes all of them so: in a softmax it has, by its total.
        weights = weights / total if RENORMALISE else weights + (total - total)
    return tl.where(weights == weights, weights * scale, 0.0)
