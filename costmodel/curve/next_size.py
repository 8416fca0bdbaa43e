"""Choose the next batch size to measure, and when to stop: jump bisection.

It bisects the bracket with the largest step in latency. The sweep calls it between measurements;
`simulate_sampling` calls it on a recorded table, and makes the same choices.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import hypot, inf, log, sqrt
from statistics import NormalDist
from typing import Final

import numpy as np

from ...stats.placed_sizes import log_spaced
from ...store.errors import BadInput
from ...store.plan import BREATH
from .fit import choose_fit, fit_losses, leave_one_out

SEEDS: Final = 8
TARGET_P95: Final = 0.02  # at 3 % and more, public GEMM curves are stopped before their last steps
# Fewer knots may lie on one line by chance, though the curve has steps.
_MIN_TO_STOP: Final = 12
_Z_95: Final = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was measured of one operation so far, by batch size.

    `latency` is in any one unit. `noise` is the relative standard error of a latency, from the
    spread of its calls; sizes where it is unknown are left out. Brackets that end at a size of
    `just_measured` are not divided yet.
    """

    latency: Mapping[int, float]
    noise: Mapping[int, float] = field(default_factory=dict)
    just_measured: frozenset[int] = frozenset()


def next_size(seen: Seen, domain: Sequence[int]) -> int | None:
    """Choose the batch size to measure next; None where no bracket can hold a step.

    `domain` holds the sizes that may be measured, ascending, without those held out and those that
    failed. A bracket is a pair of neighbouring measured sizes; the one with the largest |log ratio
    of its latencies| times the square root of the number of sizes inside is bisected. A bracket
    whose ratio is within the noise of both ends is skipped. Sizes outside the measured range are
    never chosen.

    Raises BadInput for a latency that is not positive and finite.
    """
    brackets = list(_brackets(seen, domain))
    if not brackets:
        return None
    _, inside = max(brackets, key=lambda b: (b[0] * sqrt(len(b[1])), len(b[1]), -b[1][0]))
    return inside[(len(inside) - 1) // 2]


def predicted_p95(latency: Mapping[int, float], domain: Sequence[int]) -> float:
    """Predicted 95th percentile of |log error| over the unmeasured sizes of `domain`.

    The predicted error between two knots is the |log ratio| of their latencies, an upper bound
    where the curve is monotone, or the larger leave-one-out error of the two, whichever is smaller.
    Infinite below three measured sizes; 0 where no size is left to predict.
    """
    if len(latency) < 3:
        return inf
    tokens = np.array(sorted(latency), dtype=np.int64)
    values = np.array([latency[size] for size in tokens.tolist()])
    left_out = np.zeros(len(tokens))
    fit = choose_fit(fit_losses(tokens, values))
    left_out[1:-1] = np.abs(np.log(leave_one_out(fit, tokens, values) / values[1:-1]))
    bands = np.minimum(np.abs(np.diff(np.log(values))), np.maximum(left_out[:-1], left_out[1:]))
    sizes = np.setdiff1d(np.array(domain, dtype=np.int64), tokens)
    sizes = sizes[(sizes > tokens[0]) & (sizes < tokens[-1])]
    if not len(sizes):
        return 0.0
    return float(np.quantile(bands[np.searchsorted(tokens, sizes) - 1], 0.95))


def is_enough(latency: Mapping[int, float], domain: Sequence[int], target: float) -> bool:
    """Whether 12 sizes or more are measured, and `predicted_p95` is at most `target`."""
    return len(latency) >= _MIN_TO_STOP and predicted_p95(latency, domain) <= target


def simulate_sampling(
    table: Mapping[int, float],
    budget: int,
    *,
    target: float | None = None,
    domain: Sequence[int] = (),
) -> dict[int, float]:
    """Sample a recorded table as a sweep would: eight sizes, then jump bisection.

    The eight are spread over the logarithm. As in a sweep, brackets wait while an end of theirs is
    one of the last few sizes.

    Returns the latencies of the chosen sizes. Stops at `budget` sizes, or earlier where `is_enough`
    for a `target` that is not None. `domain` names the sizes of the table that may be chosen;
    empty, all of them.
    """
    sizes = sorted(domain or table)
    latency = {size: table[size] for size in log_spaced(sizes, min(SEEDS, budget))}
    breath: list[int] = []
    while len(latency) < budget:
        if target is not None and is_enough(latency, sizes, target):
            break
        breath = [] if len(breath) == BREATH else breath
        size = next_size(Seen(latency, just_measured=frozenset(breath)), sizes)
        if size is None and not breath:
            break
        breath = [] if size is None else [*breath, size]
        if size is not None:
            latency[size] = table[size]
    return latency


def _brackets(seen: Seen, domain: Sequence[int]) -> Iterator[tuple[float, Sequence[int]]]:
    """|log ratio| of the ends and the inner sizes of each bracket that may hold a step."""
    for size, latency in seen.latency.items():
        if not 0 < latency < inf:
            raise BadInput(
                f"the latency at batch size {size} is {latency}, and it must be positive and finite"
            )
    for left, right in pairwise(sorted(seen.latency)):
        inside = domain[bisect_right(domain, left) : bisect_left(domain, right)]
        jump = abs(log(seen.latency[right] / seen.latency[left]))
        waits = not seen.just_measured.isdisjoint((left, right))
        if inside and not waits and not _is_flat(seen, left, right, jump):
            yield jump, inside


def _is_flat(seen: Seen, left: int, right: int, jump: float) -> bool:
    """Whether the ratio of the ends is within their noise."""
    return jump < _Z_95 * hypot(seen.noise.get(left, 0.0), seen.noise.get(right, 0.0))
