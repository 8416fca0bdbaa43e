"""Active experts of the busiest GPU, where each GPU holds whole experts."""

from functools import lru_cache

import numpy as np

from ....store.serving.whole_model import WholeModel
from .steps import Array


def busiest_experts(model: WholeModel, active: Array, ranks: int) -> Array:
    """Expected active experts of a layer on the busiest of `ranks` GPUs; of shape (n,).

    `active` (n,) are those of all GPUs. It grows with them, and is never above what one GPU holds.
    """
    if model.experts is None or ranks == 1:
        return active
    known = _expected_most(model.experts.count, ranks)
    return np.asarray(np.interp(active, np.arange(len(known)), known))


@lru_cache
def _expected_most(experts: int, ranks: int) -> Array:
    """The expected maximum for 0, 1, ... `experts` active ones, each set of so many alike.

    How many of them each GPU holds is multivariate hypergeometric: GPUs are added in turn, and of
    those that are active so far a hypergeometric number is on the one that is added.
    """
    held = [experts // ranks + (rank < experts % ranks) for rank in range(ranks)]
    # Logarithms of factorials.
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, experts + 1)))])
    within = np.zeros((held[0], experts + 1))  # chance that no GPU has more than 0, 1, ... of them
    within[:, 0] = 1.0
    before = 0
    for more in held:
        joined = np.zeros_like(within)
        for here in range(more + 1):
            there = slice(before + 1)
            active = slice(here, before + here + 1)
            ways = _log_ways(logs, more)[here] + _log_ways(logs, before)
            chance = np.exp(ways - _log_ways(logs, before + more)[active])
            joined[here:, active] += chance * within[here:, there]
        within, before = joined, before + more
    return np.asarray((1 - within).sum(axis=0))


def _log_ways(logs: Array, count: int) -> Array:
    """Logarithms of the ways to choose 0, 1, ... `count` of `count`."""
    some = logs[: count + 1]
    return np.asarray(some[-1] - some - some[::-1])
