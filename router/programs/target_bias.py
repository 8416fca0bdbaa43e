"""The bias that gives experts wanted loads, on a sample of tokens.

Soft routing spreads the k picks of token t in proportion to exp(score_ti + b_i); hard routing picks
the k experts of the largest score_ti + b_i. Either way the bias minimises a convex function,

    soft:  k sum_t log sum_i exp(score_ti + b_i) - sum_i load_i b_i
    hard:  sum_t (sum of the k largest score_ti + b_i) - sum_i load_i b_i

of which the gradient is what experts get less what they should. The soft bias is unique up to a
constant. The hard function is piecewise linear: at its minimum some tokens have equal choices, and
by how these are made the loads are met, or missed by a few picks.
"""

from dataclasses import dataclass

import numpy as np

from ...stats.arrays import Float64, Int64
from ...store.errors import BadInput

_LEAST_LOAD = 1e-3
_SOFT_STEPS, _SOFT_TOLERANCE = 50, 1e-9
_HARD_STEPS, _HARD_RATE, _ENOUGH = 100, 0.5, 1e-3


@dataclass(frozen=True, eq=False)
class TargetBias:
    """A bias [N] with the mean 0, the loads [N] that it gives, and the share of picks amiss."""

    bias: Float64
    loads: Float64
    amiss: float


def soft_bias(scores: Float64, loads: Float64, k: int) -> TargetBias:
    """The bias that gives soft routing of `scores` [tokens, N] loads in proportion to `loads` [N].

    Newton's method with halved steps. An expert without a load gets a thousandth of a pick at
    least. Raises BadInput for scores or loads that are not finite or do not fit each other, loads
    below 0 or all 0, and a k that is not in 1..N.
    """
    wanted = np.maximum(_wanted(scores, loads, k), _LEAST_LOAD)
    wanted *= k * len(scores) / wanted.sum()
    bias = np.zeros(len(wanted))
    height, shares = _soft(scores, bias, wanted, k)
    for _ in range(_SOFT_STEPS):
        given = k * shares.sum(axis=0)
        if _amiss(given, wanted) <= _SOFT_TOLERANCE:
            break
        # A bias that is the same for all changes nothing: the last term keeps the mean at 0.
        curvature = np.diag(given) - k * shares.T @ shares + given.mean() / len(given)
        step, length = np.linalg.solve(curvature, wanted - given), 1.0
        while length > _SOFT_TOLERANCE:
            following = _soft(scores, bias + length * step, wanted, k)
            if following[0] <= height:
                break
            length *= 0.5
        bias = bias + length * step
        height, shares = following
    given = k * shares.sum(axis=0)
    return TargetBias(bias - bias.mean(), given, _amiss(given, wanted))


def hard_bias(scores: Float64, loads: Float64, k: int) -> TargetBias:
    """The bias that gives the top k of `scores` [tokens, N] loads in proportion to `loads` [N].

    Each expert's bias would meet its own load if it moved alone; all move by half of that at once,
    and less from step to step. Of all steps the best is given, or the first with one
    pick of a thousand amiss. Raises BadInput as `soft_bias`, and
    for a load above the number of tokens.
    """
    exact = _wanted(scores, loads, k)
    tokens, experts = scores.shape
    if k == experts:
        return TargetBias(np.zeros(k), np.full(k, float(tokens)), 0.0)
    if exact.max() > tokens * (1 + 1e-9):
        raise BadInput(
            f"expert {exact.argmax()} should get {exact.max():g} of {tokens} tokens,"
            " and a token picks an expert once at most"
        )
    wanted = _whole(exact, k * tokens)
    bias = np.zeros(experts)
    best = None
    for step in range(_HARD_STEPS):
        given, lead = _picks(scores + bias, k)
        amiss = _amiss(given, wanted)
        if best is None or amiss < best.amiss:
            best = TargetBias(bias - bias.mean(), given, amiss)
        if amiss <= _ENOUGH:
            break
        bias = bias - _HARD_RATE / (1 + step / 20) * _threshold(lead, wanted)
    assert best is not None
    return best


def _wanted(scores: Float64, loads: Float64, k: int) -> Float64:
    """Loads [N] in proportion to those given, with the sum of all picks."""
    if scores.ndim != 2 or loads.shape != scores.shape[1:] or not len(scores):
        raise BadInput(
            f"scores have the shape {scores.shape} and loads {loads.shape}, and must have"
            " tokens x experts and experts"
        )
    if not 1 <= k <= len(loads):
        raise BadInput(f"k is {k}, and must lie in 1..{len(loads)}")
    if not np.isfinite(scores).all():
        raise BadInput(f"a score is {scores[~np.isfinite(scores)][0]}, and must be finite")
    wrong = loads[~(np.isfinite(loads) & (loads >= 0))]
    if len(wrong) or not loads.any():
        raise BadInput(f"a load is {wrong[0] if len(wrong) else 0}, and must be above 0")
    wanted: Float64 = loads * (k * len(scores) / loads.sum())
    return wanted


def _soft(scores: Float64, bias: Float64, wanted: Float64, k: int) -> tuple[float, Float64]:
    """The soft function, and the shares [tokens, N] that each token gives."""
    ranks = scores + bias
    highest = ranks.max(axis=1, keepdims=True)
    shares = np.exp(ranks - highest)
    total = shares.sum(axis=1, keepdims=True)
    height = k * float((np.log(total) + highest).sum()) - float(wanted @ bias)
    return height, shares / total


def _picks(ranks: Float64, k: int) -> tuple[Float64, Float64]:
    """Picks per expert [N], and how far each rank is above what would just be picked [tokens, N].

    That of a pick is its distance from the best rank that is not picked; the others are below 0.
    """
    order = np.argpartition(-ranks, (k - 1, k), axis=1)[:, : k + 1]
    best = np.take_along_axis(ranks, order, axis=1)
    lead = ranks - best[:, k - 1 : k]
    np.put_along_axis(lead, order[:, :k], best[:, :k] - best[:, k:], axis=1)
    return np.bincount(order[:, :k].ravel(), minlength=ranks.shape[1]).astype(np.float64), lead


def _threshold(lead: Float64, wanted: Int64) -> Float64:
    """The number [N] between the lead that is just wanted and the next one."""
    falling = -np.sort(-lead.T, axis=1)
    step = lead.std() or 1.0
    padded = np.column_stack([falling[:, 0] + step, falling, falling[:, -1] - step])
    rows = np.arange(len(wanted))
    return np.asarray(0.5 * (padded[rows, wanted] + padded[rows, wanted + 1]))


def _whole(loads: Float64, total: int) -> Int64:
    """Whole loads [N] with the sum `total`, by the largest remainders."""
    whole = np.floor(loads).astype(np.int64)
    missing = total - int(whole.sum())
    whole[np.argsort(whole - loads, kind="stable")[:missing]] += 1
    return whole


def _amiss(given: Float64, wanted: Float64 | Int64) -> float:
    """The share of all picks that went to another expert than wanted."""
    return float(np.abs(given - wanted).sum() / (2 * wanted.sum()))
