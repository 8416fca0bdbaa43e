"""Routed experts that get a token: how many in all, and on the busiest GPU."""

from math import log2
from typing import Final

import numpy as np

from ....stats.routing.distribution import UNIFORM, distribution
from ....store.serving.whole_model import WholeModel
from .steps import Array

# Expected maximum of 1, 2, 4, ... 128 draws of a normal distribution (Harter 1961, Biometrika 48).
_MAXIMA: Final = (0.0, 0.564, 1.029, 1.424, 1.766, 2.070, 2.344, 2.594)


def active_experts(model: WholeModel, tokens: Array, routing: str = UNIFORM) -> Array:
    """Expected experts of a layer that get one of `tokens`, of shape (n,), as the result.

    Tokens choose independently: E (1 - (1 - k/E)^tokens) for equal shares, as in
    stats/routing/distribution.py; one token takes exactly k.
    """
    if model.experts is None:
        return np.zeros(len(tokens))
    dealt = distribution(routing, model.experts.count, model.experts.top_k)
    shares, counts = np.unique(dealt.held_shares(), return_counts=True)
    some = np.maximum(tokens, 1.0)[:, None]
    return np.asarray(((1 - (1 - shares) ** some) * counts).sum(axis=1))


def busiest_share(model: WholeModel, active: Array, ranks: int) -> Array:
    """Active experts of the busiest of `ranks` GPUs over their mean; 1 or more, of shape (n,).

    Each GPU holds E/ranks experts, of which each is active with the chance active/E. The mean of
    the maximum is that of as many normal distributions, and never above all that a GPU holds.
    """
    if model.experts is None or ranks == 1:
        return np.ones(len(active))
    held = model.experts.count / ranks
    chance = active / model.experts.count
    spread = np.sqrt(held * chance * (1 - chance)) * _largest_of(ranks)
    return np.asarray(np.minimum(held * chance + spread, held) / (held * chance))


def _largest_of(draws: int) -> float:
    """Expected maximum of so many normal draws; between the listed ones by the logarithm."""
    return float(np.interp(log2(draws), range(len(_MAXIMA)), _MAXIMA))
