"""The variants of routing: how logits become scores and weights, and which groups may be picked.

First the torch functions of the reference, then the functions of the Triton kernel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import Literal

import torch

from ..store.errors import BadInput
from .backend import jit, tl

_MAX_SCALE = torch.finfo(torch.float32).max


@dataclass(frozen=True, slots=True)
class Routing:
    """How a model's router turns logits into weights.

    `scores`: "picked" is the softmax over the k picked logits, "softmax" the softmax over all
    experts, "sigmoid" the sigmoid of each logit. A weight is the score times `scale`; with
    `renormalise` the scores of a token are first divided by their sum. Experts form `groups` of
    equal size. Picks come from the best `kept_groups` of them, which rank by their largest logit,
    or with a bias by the sum of their two largest ranks (DeepSeek-V3).

    Raises BadInput for unknown scores, a scale that is no finite float32, and group counts that
    are not 1 <= kept_groups <= groups.
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
NAMED = {
    "topk": PLAIN,  # Mixtral, Qwen3, gpt-oss
    "topk_softmax": Routing("softmax"),  # OLMoE, Qwen2-MoE
    "topk_sigmoid": Routing("sigmoid", renormalise=True),
    "topk_grouped": Routing("softmax"),  # DeepSeek-V2
    "topk_biased": Routing("sigmoid", renormalise=True, scale=2.5),  # DeepSeek-V3, with a bias
}
"""Routings by the name of the operation that measures each."""
BY_GROUP = ("topk_grouped", "topk_biased")


def named_routing(name: str, groups: int = 1, kept_groups: int = 1) -> Routing:
    """Give one of NAMED, with these groups of experts if it is one of BY_GROUP."""
    if name not in BY_GROUP:
        return NAMED[name]
    return replace(NAMED[name], groups=groups, kept_groups=kept_groups)


def scores_of(logits: torch.Tensor, routing: Routing) -> torch.Tensor:
    """Scores [tokens, experts] to which a bias is added; for "picked" the logits themselves."""
    if routing.scores == "picked":
        return logits
    return torch.sigmoid(logits) if routing.scores == "sigmoid" else torch.softmax(logits, dim=1)


def ranks_of(logits: torch.Tensor, routing: Routing, bias: torch.Tensor | None) -> torch.Tensor:
    """What ranks experts [tokens, experts]: the logit, or with a bias score + bias.

    A logit of -inf ranks last in any case.
    """
    if bias is None:
        return logits
    precise = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return (scores_of(precise, routing) + bias).masked_fill(precise == -inf, -inf)


def best_experts(
    logits: torch.Tensor, k: int, routing: Routing, bias: torch.Tensor | None
) -> torch.Tensor:
    """Experts [tokens, k] of the largest rank within the kept groups, best first."""
    rank = ranks_of(logits, routing, bias)
    order = torch.sort(rank, dim=1, descending=True, stable=True).indices
    if routing.groups > 1:
        kept = experts_kept(rank, routing, by_two=bias is not None).gather(1, order)
        kept_first = torch.sort(kept.int(), dim=1, descending=True, stable=True).indices
        order = order.gather(1, kept_first)
    return order[:, :k]


def experts_kept(rank: torch.Tensor, routing: Routing, by_two: bool) -> torch.Tensor:
    """Which experts are in the kept groups, bool [tokens, experts].

    A group ranks by its largest rank, or with `by_two` by the sum of its two largest.
    """
    grouped = rank.view(len(rank), routing.groups, rank.shape[1] // routing.groups)
    best = grouped.topk(min(2, grouped.shape[2]) if by_two else 1, dim=2).values.sum(dim=2)
    order = torch.sort(best, dim=1, descending=True, stable=True).indices
    kept = torch.zeros_like(best, dtype=torch.bool)
    kept.scatter_(1, order[:, : routing.kept_groups], True)
    return kept.repeat_interleave(grouped.shape[2], dim=1)


def weights_of(logits: torch.Tensor, ids: torch.Tensor, routing: Routing) -> torch.Tensor:
    """Weights of the picks `ids` [tokens, k], float32 or float64, with a gradient by the logits."""
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
    """Maximum of each row, and sum of exp(x - maximum): both [ROWS, 1].

    tl.softmax is not used, because before Triton 3.9 it takes maxima along the wrong axis.
    """
    highest = tl.max(x, axis=1)[:, None]
    return highest, tl.sum(tl.exp(x - highest), axis=1)[:, None]


@jit  # type: ignore[untyped-decorator]
def kernel_scores(x, highest, total, SCORES: tl.constexpr):  # type: ignore[no-untyped-def]
    """Scores of logits `x`; `highest` and `total` are the `softmax_terms` of the softmax."""
    if SCORES == "sigmoid":
        scores = tl.sigmoid(x)
    else:
        scores = tl.exp(x - highest) / total
    return scores


@jit  # type: ignore[untyped-decorator]
def kernel_ranks(x, bias, highest, total, SCORES: tl.constexpr):  # type: ignore[no-untyped-def]
    """Ranks of logits `x` with a bias, as in `best_experts`."""
    scores = x if SCORES == "picked" else kernel_scores(x, highest, total, SCORES)
    return tl.where(x == float("-inf"), x, scores + bias)


@jit  # type: ignore[untyped-decorator]
def kernel_weights(  # type: ignore[no-untyped-def]
    picked,  # float32 [ROWS, PICKS] logits; -inf beyond k
    highest,  # with total: softmax_terms over all experts, if scores are "softmax"
    total,
    scale,
    SCORES: tl.constexpr,
    RENORMALISE: tl.constexpr,
):
    """Weights of the picked logits, as in `weights_of`."""
    if SCORES == "picked":
        highest, total = softmax_terms(picked)
    weights = kernel_scores(picked, highest, total, SCORES)
    if RENORMALISE or SCORES == "sigmoid":
        total = tl.sum(weights, axis=1)[:, None]
        # One NaN must make all weights of a row NaN. In a softmax its total does that.
        weights = weights / total if RENORMALISE else weights + (total - total)
    return tl.where(weights == weights, weights * scale, 0.0)
