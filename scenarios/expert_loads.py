"""Which experts each token goes to, by a named distribution and a fixed seed.

A distribution (stats/routing) has a batch. Smaller batches are the first tokens of that batch, in
an order drawn once, and larger ones repeat it. So as many experts are active as chance gives, a
larger batch never has fewer of them, and a whole recorded batch has exactly the recorded counts.

Counts become choices by systematic sampling (Madow, Ann. Math. Statist. 20, 1949): the experts lie
on a line, each as long as its count. A token takes the experts at its own offset and at every
`tokens` after it, which are top_k different ones. Random exchanges between tokens, which keep all
counts, then mix the combinations (Rao, Jana and Bandyopadhyay, Sankhya A 58, 1996).
"""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..stats.arrays import Int64
from ..stats.routing.distribution import distribution

_ROUNDS: Final = 4  # exchanges of each of a token's experts


def choices(words: str, tokens: int, experts: int, top_k: int) -> Int64:
    """The experts of each token, [tokens, top_k], which count from 0."""
    batch = _batch(words, experts, top_k)
    return batch[np.arange(tokens) % len(batch)]


def active_choices(
    words: str, tokens: int, experts: int, top_k: int
) -> tuple[NDArray[np.int32], int]:
    """The experts of each token counted among the active ones, and how many are active."""
    active, ids = np.unique(choices(words, tokens, experts, top_k), return_inverse=True)
    return ids.reshape(tokens, top_k).astype(np.int32), len(active)


def expert_loads(words: str, tokens: int, experts: int, top_k: int) -> Int64:
    """The tokens of each expert that `choices` gives, [experts]."""
    batch = distribution(words, experts, top_k)
    whole, rest = divmod(tokens, batch.tokens)
    drawn = _batch(words, experts, top_k)[:rest]
    return whole * np.array(batch.counts) + np.bincount(drawn.ravel(), minlength=experts)


def active_loads(
    words: str, tokens: int, experts: int, top_k: int, local_experts: int | None = None
) -> tuple[int, ...]:
    """The tokens of each expert that gets any, by `expert_loads`; idle experts are left out.

    With `local_experts`, those of one rank that holds so many: every rank brings `tokens` tokens,
    and the experts are dealt out to the ranks in turns, of which this one has the first. So where
    expert 0 is the most popular, this is the rank that the others wait for. A rank that gets no row
    is given one, because an operation needs one.
    """
    ranks = experts // (local_experts or experts)
    loads = expert_loads(words, tokens * ranks, experts, top_k)[::ranks][:local_experts]
    return tuple(loads[loads > 0].tolist()) or (1,)


@lru_cache
def _batch(words: str, experts: int, top_k: int) -> Int64:
    """The experts of each token of a distribution's batch, [its tokens, top_k].

    Systematic sampling gives few combinations of experts. Each round pairs the tokens anew, and two
    of them exchange one expert where neither has the other's.
    """
    batch, draw = distribution(words, experts, top_k), np.random.default_rng(0)
    places = draw.permutation(batch.tokens)[:, None] + batch.tokens * np.arange(top_k)
    picks = np.searchsorted(np.cumsum(batch.counts), places, side="right")
    for _ in range(_ROUNDS * top_k):
        one, other = draw.permutation(batch.tokens)[: batch.tokens // 2 * 2].reshape(2, -1)
        at, to = draw.integers(top_k, size=(2, len(one)))
        given, taken = picks[one, at], picks[other, to]
        new = (picks[one] != taken[:, None]).all(1) & (picks[other] != given[:, None]).all(1)
        picks[one, at] = np.where(new, taken, given)
        picks[other, to] = np.where(new, given, taken)
    return picks
