"""What to measure next, and when enough is measured: jump bisection.

It spends points where the staircase is. The sweep asks it live; `replay` asks it on a recorded
table, so that a test or a benchmark sees the same choices.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import hypot, inf, log, sqrt
from statistics import NormalDist
from typing import Final

import numpy as np

from ...store.errors import BadInput
from .fit import choose_fit, fit_losses, leave_one_out

SEEDS: Final = 8
TARGET_P95: Final = 0.02  # at 3 % and more, public GEMM curves are stopped before their last steps
# With fewer points, knots that happen to lie on one line make a staircase look like it.
_MIN_TO_STOP: Final = 12
_SURE: Final = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of one operation so far, by batch size.

    `latency` is in any one unit. `noise` is the relative standard error of a latency, from the
    spread of its own calls; nothing where it is unknown. `signature` names the kernels of a call
    with their grids and blocks, where a trace tells them live.
    """

    latency: Mapping[int, float]
    noise: Mapping[int, float] = field(default_factory=dict)
    signature: Mapping[int, str] = field(default_factory=dict)


def next_size(seen: Seen, domain: Sequence[int]) -> int | None:
    """Choose the batch size to measure next, or None where no bracket asks for one.

    `domain` holds the sizes that may be measured, ascending; the caller leaves out what it holds
    out and what failed. Of the brackets between neighbouring measured sizes, the one with the
    largest |log ratio of its ends| times the square root of the number of sizes inside is bisected.
    A ratio within the noise of both ends is chance, and one kernel with one grid at both ends has
    no step between them: such brackets are left alone. Sizes below the first or above the last
    measured one are never chosen.

    Raises BadInput for a latency that is not positive and finite.
    """
    brackets = list(_brackets(seen, domain))
    if not brackets:
        return None
    _, inside = max(brackets, key=lambda b: (b[0] * sqrt(len(b[1])), len(b[1]), -b[1][0]))
    return inside[(len(inside) - 1) // 2]


def predicted_p95(latency: Mapping[int, float], domain: Sequence[int]) -> float:
    """Predict the 95th percentile of |log error| over the unmeasured sizes of `domain`.

    Between two knots a fit is off by no more than the |log ratio| of their latencies where the
    curve is monotone, and usually by no more than either knot is missed by when it is left out.
    Infinite where fewer than three sizes are measured; 0 where none is left to predict.
    """
    if len(latency) < 3:
        return inf
    tokens = np.array(sorted(latency), dtype=np.int64)
    values = np.array([latency[size] for size in tokens.tolist()])
    missed = np.zeros(len(tokens))
    fit = choose_fit(fit_losses(tokens, values))
    missed[1:-1] = np.abs(np.log(leave_one_out(fit, tokens, values) / values[1:-1]))
    bands = np.minimum(np.abs(np.diff(np.log(values))), np.maximum(missed[:-1], missed[1:]))
    sizes = np.setdiff1d(np.array(domain, dtype=np.int64), tokens)
    sizes = sizes[(sizes > tokens[0]) & (sizes < tokens[-1])]
    if not len(sizes):
        return 0.0
    return float(np.quantile(bands[np.searchsorted(tokens, sizes) - 1], 0.95))


def is_enough(latency: Mapping[int, float], domain: Sequence[int], target: float) -> bool:
    """Whether at least 12 sizes are measured and the predicted 95th percentile is `target`."""
    return len(latency) >= _MIN_TO_STOP and predicted_p95(latency, domain) <= target


def replay(
    table: Mapping[int, float],
    budget: int,
    *,
    target: float | None = None,
    domain: Sequence[int] = (),
) -> dict[int, float]:
    """Measure from a recorded table as a sweep would: eight even seeds, then jump bisection.

    Stops at `budget` sizes, or where `is_enough` for a `target` that is not None; reads only what
    it chooses. `domain` may leave sizes of the table out; empty, it is all of them.
    """
    sizes = sorted(domain or table)
    seeds = np.unique(np.linspace(0, len(sizes) - 1, min(SEEDS, budget, len(sizes))).astype(int))
    latency = {sizes[place]: table[sizes[place]] for place in seeds.tolist()}
    while len(latency) < budget:
        if target is not None and is_enough(latency, sizes, target):
            break
        size = next_size(Seen(latency), sizes)
        if size is None:
            break
        latency[size] = table[size]
    return latency


def _brackets(seen: Seen, domain: Sequence[int]) -> Iterator[tuple[float, Sequence[int]]]:
    """Give the |log-jump| and the inner sizes of each bracket that may hold a step."""
    for size, latency in seen.latency.items():
        if not 0 < latency < inf:
            raise BadInput(
                f"the latency at batch size {size} is {latency}, and it must be positive and finite"
            )
    for left, right in pairwise(sorted(seen.latency)):
        inside = domain[bisect_right(domain, left) : bisect_left(domain, right)]
        jump = abs(log(seen.latency[right] / seen.latency[left]))
        if inside and not _is_flat(seen, left, right, jump):
            yield jump, inside


def _is_flat(seen: Seen, left: int, right: int, jump: float) -> bool:
    kernels = seen.signature.get(left)
    if kernels is not None and kernels == seen.signature.get(right):
        return True
    return jump < _SURE * hypot(seen.noise.get(left, 0.0), seen.noise.get(right, 0.0))
