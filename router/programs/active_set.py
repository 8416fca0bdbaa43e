"""Program D: which experts a decode batch should read at all, with a bound on how good any set is.

    max over sets S of   sum over tokens of the k largest values in S  -  sum over S of charges

A value is what a token gains by an expert, a charge what reading the expert's weights costs, in the
same unit. This is a facility location problem: its objective is submodular less modular, and a
greedy set is near the best. The Lagrangian over "at most k experts per token",

    D(u) = k sum_t u_t + sum_i max(0, sum_t max(0, value_ti - u_t) - charge_i),   u >= 0,

is at least the objective of every set. Source: Cornuejols, Fisher and Nemhauser, Management Science
23 (1977).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...stats.arrays import Float64
from ...store.errors import BadInput

Bools = NDArray[np.bool_]
_MOST_ROUNDS = 60
_SETS_EVERY = 5


@dataclass(frozen=True, eq=False)
class ActiveSet:
    """Experts to read, bool `kept` [N], their objective, and a bound that no set exceeds.

    `gap` is the difference of both as a share of the values that the batch has without charges.
    """

    kept: Bools
    objective: float
    bound: float
    gap: float


def choose_experts(
    values: Float64,
    charges: Float64,
    k: int,
    required: Bools | None = None,
    tolerance: float = 0.01,
) -> ActiveSet:
    """Choose the experts that a batch reads, to a gap of `tolerance` or until it closes no more.

    `values` [tokens, N] and `charges` [N] are 0 or more. The experts in `required` [N] are kept in
    every set, such as those that are some token's first choice.

    Raises BadInput for values or charges that are negative or not finite, charges that are not one
    for each expert, and a k that is not in 1..N.
    """
    _check(values, charges, k)
    needed = np.zeros(len(charges), dtype=bool) if required is None else required
    whole = _k_largest(values, k)
    # The Polyak steps begin where a token pays for its (k + 1)th expert.
    u = np.sort(values, axis=1)[:, -k - 1] if k < values.shape[1] else np.zeros(len(values))
    chosen = _dropped(values, charges, k, _used(values, k) | needed, needed)
    best = objective_of(values, charges, k, chosen)
    bound, length = np.inf, 1.0
    for round_ in range(_MOST_ROUNDS):
        height, slope, opened = _lagrangian(values, charges, k, u, needed)
        bound = min(bound, height)
        if round_ % _SETS_EVERY == 0:
            other = _dropped(values, charges, k, opened, needed)
            objective = objective_of(values, charges, k, other)
            chosen, best = (other, objective) if objective > best else (chosen, best)
        if bound - best <= tolerance * whole or not slope.any():
            break
        u = np.maximum(u - length * (height - best) / float(slope @ slope) * slope, 0.0)
        length *= 0.7 if round_ % 10 == 9 else 1.0
    gap = max(bound - best, 0.0) / whole if whole > 0 else 0.0
    return ActiveSet(chosen, best, bound, gap)


def bound_at_border(values: Float64, charges: Float64, k: int, required: Bools) -> float:
    """D(u) where every token pays what its (k + 1)th expert is worth: the bound of the rule.

    No set that holds the experts in `required` [N] has a larger objective.
    """
    u = np.sort(values, axis=1)[:, -k - 1] if k < values.shape[1] else np.zeros(len(values))
    return _lagrangian(values, charges, k, u, required)[0]


def objective_of(values: Float64, charges: Float64, k: int, kept: Bools) -> float:
    """The objective of Program D for one set, bool [N]."""
    return _k_largest(values[:, kept], k) - float(charges[kept].sum())


def shares_of_mass(scores: Float64, k: int) -> Float64:
    """Scores [tokens, N] of 0 or more as values: the k best of a token sum to 1."""
    mass = np.sort(scores, axis=1)[:, -k:].sum(axis=1, keepdims=True)
    return scores / np.where(mass > 0, mass, 1.0)


def first_choices(scores: Float64) -> Bools:
    """Which experts [N] are the best one of some token."""
    chosen = np.zeros(scores.shape[1], dtype=bool)
    chosen[scores.argmax(axis=1)] = True
    return chosen


def _check(values: Float64, charges: Float64, k: int) -> None:
    if values.ndim != 2 or charges.shape != values.shape[1:]:
        raise BadInput(
            f"values have the shape {values.shape} and charges {charges.shape}, and must have"
            " tokens x experts and experts"
        )
    for name, numbers in (("value", values), ("charge", charges)):
        wrong = numbers[~(np.isfinite(numbers) & (numbers >= 0))]
        if len(wrong):
            raise BadInput(f"a {name} is {wrong[0]}, and must be 0 or more")
    if not 1 <= k <= len(charges):
        raise BadInput(f"k is {k}, and must lie in 1..{len(charges)}")


def _k_largest(values: Float64, k: int) -> float:
    """The sum over tokens of the k largest of `values` [tokens, experts]."""
    experts = values.shape[1]
    if experts > k:
        values = np.partition(values, experts - k, axis=1)[:, -k:]
    return float(values.sum())


def _used(values: Float64, k: int) -> Bools:
    """The experts [N] that are among the k best of some token."""
    used = np.zeros(values.shape[1], dtype=bool)
    used[np.argpartition(-values, k - 1, axis=1)[:, :k]] = True
    return used


def _dropped(values: Float64, charges: Float64, k: int, start: Bools, needed: Bools) -> Bools:
    """Drop from `start` the expert that it pays most to drop, until it pays no more.

    A token loses what an expert among its k best is above its next best.
    """
    kept = start.copy()
    ranked = np.column_stack([np.where(kept, values, 0.0), np.zeros(len(values))])
    best = np.argpartition(-ranked, k, axis=1)[:, : k + 1]
    worth = np.take_along_axis(ranked, best, axis=1)
    while True:
        lost = (worth[:, :k] - worth[:, k:]).ravel()
        losses = np.bincount(best[:, :k].ravel(), lost, minlength=len(kept) + 1)[:-1]
        gains = np.where(kept & ~needed, charges - losses, -np.inf)
        least = int(gains.argmax())
        if gains[least] <= 0:
            return kept
        kept[least] = False
        ranked[:, least] = 0.0
        rows = np.flatnonzero((best == least).any(axis=1))
        again = np.argpartition(-ranked[rows], k, axis=1)[:, : k + 1]
        best[rows] = again
        worth[rows] = np.take_along_axis(ranked[rows], again, axis=1)


def _lagrangian(
    values: Float64, charges: Float64, k: int, u: Float64, needed: Bools
) -> tuple[float, Float64, Bools]:
    """D(u), its subgradient [tokens], and the experts [N] that it opens."""
    above = np.maximum(values - u[:, None], 0.0)
    worth = above.sum(axis=0) - charges
    opened = (worth > 0) | needed
    served = np.count_nonzero(above[:, opened], axis=1)
    return k * float(u.sum()) + float(worth[opened].sum()), k - served.astype(np.float64), opened
