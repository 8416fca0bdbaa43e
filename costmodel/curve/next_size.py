"""Choose the next batch size to measure, and when to stop: jump bisection, band by band.

Every band of batch sizes (stats/size_bands.py) is to be predicted well: among 512 sizes, the eight
of decode would count for little. In the worst band, the bracket with the largest step in latency is
bisected. The sweep calls it between measurements; `simulate_sampling` calls it on a recorded table,
and makes the same choices.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from math import hypot, inf, log, sqrt
from statistics import NormalDist
from typing import Final

import numpy as np

from ...stats.arrays import Float64, Int64
from ...stats.placed_sizes import log_spaced
from ...stats.size_bands import BANDS, SizeBand, band_of
from ...store.errors import BadInput
from ...store.plan import BREATH
from .fit import choose_fit, fit_losses
from .scores import Scored

SEEDS: Final = 8
TARGET_P95: Final = 0.02  # at 3 % and more, public GEMM curves are stopped before their last steps
# Fewer knots may lie on one line by chance, though the curve has steps.
_MIN_TO_STOP: Final = 12
_MIN_IN_BAND: Final = 4
_Z_95: Final = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was measured of one operation so far, by batch size.

    `latency` is in any one unit. `noise` is the relative standard error of a latency, from the
    scatter of its calls and of visits; sizes where it is unknown are left out. Brackets that end at
    a size of `just_measured` are not divided yet.
    """

    latency: Mapping[int, float]
    noise: Mapping[int, float] = field(default_factory=dict)
    just_measured: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class _Bracket:
    """Sizes of one band `inside` two neighbouring measured sizes, and the |log ratio| of these."""

    band: SizeBand
    jump: float
    inside: Sequence[int]

    @property
    def worth(self) -> tuple[float, int, int]:
        """By what brackets of one band are ranked: jump and width, then width, then smallness."""
        return self.jump * sqrt(len(self.inside)), len(self.inside), -self.inside[0]


def next_size(seen: Seen, domain: Sequence[int], target: float = -inf) -> int | None:
    """Choose the batch size to measure next; None where nothing is left that is worth it.

    `domain` holds the sizes that may be measured, ascending, without those held out and those that
    failed. A bracket is a pair of neighbouring measured sizes. Once 12 sizes are measured, bands
    whose predicted error is `target` or less are left as they are. In the worst of the others that
    has any, the bracket with the largest |log ratio of its latencies| times the square root of the
    number of sizes inside is bisected. A bracket whose ratio is within the noise of both ends is
    skipped. Sizes outside the measured range are never chosen.

    Raises BadInput for a latency that is not positive and finite.
    """
    brackets = list(_brackets(seen, domain))
    p95s = predicted_p95s(seen.latency, domain)
    if len(seen.latency) >= _MIN_TO_STOP:
        brackets = [one for one in brackets if p95s[one.band] > target]
    if not brackets:
        return None
    inside = max(brackets, key=lambda one: (p95s[one.band], one.worth)).inside
    return inside[(len(inside) - 1) // 2]


def predicted_p95s(latency: Mapping[int, float], domain: Sequence[int]) -> dict[SizeBand, float]:
    """Predicted 95th percentile of |log error| over the unmeasured sizes of each band of `domain`.

    The predicted error between two knots is the |log ratio| of their latencies, an upper bound
    where the curve is monotone, or the larger left-out error of the two, whichever is smaller.
    Infinite in a band of fewer than four measured sizes; 0 where no size is left to predict.
    """
    tokens = np.array(sorted(latency), dtype=np.int64)
    errors = _bracket_errors(tokens, np.array([latency[size] for size in tokens.tolist()]))
    found = {}
    for band in BANDS:
        sizes = [size for size in domain if size in band and size not in latency]
        places = np.searchsorted(tokens, sizes)
        places = places[(places > 0) & (places < len(tokens))] - 1
        known = sum(size in band for size in latency)
        p95 = float(np.quantile(errors[places], 0.95)) if len(places) else 0.0
        found[band] = inf if len(places) and known < _MIN_IN_BAND else p95
    return found


def _bracket_errors(tokens: Int64, values: Float64) -> Float64:
    """Predicted |log error| between each two neighbouring knots, [K - 1]."""
    if len(tokens) < 2:
        return np.empty(0)
    left_out = Scored(choose_fit(fit_losses(tokens, values)), tokens, values).left_out
    jumps = np.abs(np.diff(np.log(values)))
    errors: Float64 = np.minimum(jumps, np.maximum(left_out[:-1], left_out[1:]))
    return errors


def is_enough(latency: Mapping[int, float], domain: Sequence[int], target: float) -> bool:
    """Whether 12 sizes or more are measured, and the p95 of no band is beyond `target`."""
    return len(latency) >= _MIN_TO_STOP and max(predicted_p95s(latency, domain).values()) <= target


def simulate_sampling(
    table: Mapping[int, float],
    budget: int,
    *,
    target: float = -inf,
    domain: Sequence[int] = (),
) -> dict[int, float]:
    """Sample a recorded table as a sweep would: eight sizes, then jump bisection.

    The eight are spread over the logarithm; the sizes that a sweep has in any case
    (`decode_sizes`) are not among them. As in a sweep, brackets wait while an end of theirs is one
    of the last few sizes.

    Returns the latencies of the chosen sizes. Stops at `budget` sizes, or earlier where `is_enough`
    for `target`. `domain` names the sizes of the table that may be chosen;
    empty, all of them.
    """
    sizes = sorted(domain or table)
    latency = {size: table[size] for size in log_spaced(sizes, min(SEEDS, budget))}
    breath: list[int] = []
    while len(latency) < budget:
        if is_enough(latency, sizes, target):
            break
        breath = [] if len(breath) == BREATH else breath
        size = next_size(Seen(latency, just_measured=frozenset(breath)), sizes, target)
        if size is None and not breath:
            break
        breath = [] if size is None else [*breath, size]
        if size is not None:
            latency[size] = table[size]
    return latency


def _brackets(seen: Seen, domain: Sequence[int]) -> Iterator[_Bracket]:
    """The brackets that may hold a step; one across two bands counts in each of them."""
    for size, latency in seen.latency.items():
        if not 0 < latency < inf:
            raise BadInput(
                f"the latency at batch size {size} is {latency}, and it must be positive and finite"
            )
    for left, right in pairwise(sorted(seen.latency)):
        jump = abs(log(seen.latency[right] / seen.latency[left]))
        waits = not seen.just_measured.isdisjoint((left, right))
        if not waits and not _is_flat(seen, left, right, jump):
            inside = domain[bisect_right(domain, left) : bisect_left(domain, right)]
            for band, sizes in groupby(inside, key=band_of):
                yield _Bracket(band, jump, list(sizes))


def _is_flat(seen: Seen, left: int, right: int, jump: float) -> bool:
    """Whether the ratio of the ends is within their noise."""
    return jump < _Z_95 * hypot(seen.noise.get(left, 0.0), seen.noise.get(right, 0.0))
