"""Errors at single sizes beside what the machine's repeats leave open, and their limits.

Noise moves a measured value away from the prediction more often than towards it. So an error within
its limit is taken as it is, and one beyond fails where it is beyond without its noise too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot
from statistics import median_high
from typing import Final

from ..stats.binomial import beyond_chance
from ..store.percent import percent
from ..store.verdicts.parts import Cause, Finding, HoldoutPoint, Outcome

# Of normal noise, 95 % of single readings are within twice the median difference of two readings.
_ONCE: Final = 2.0
_SHOWN: Final = 6  # sizes that a reason names
_BEYOND_P95: Final = 0.05  # share of sizes that may be beyond the limit of the 95th percentile


@dataclass(frozen=True, slots=True)
class SizeError:
    """The error |predicted / measured - 1| at one size; `noise` is what the repeats leave open."""

    tokens: int
    error: float
    noise: float

    @property
    def low(self) -> float:
        """The error that is left when all that the repeats differ by is taken off."""
        return max(0.0, self.error - self.noise)


def size_errors(points: Sequence[HoldoutPoint], floor: float | None) -> list[SizeError]:
    """Errors of points that share a repeatability floor; an unknown floor counts as 0.

    What a size leaves open is the difference of its own repeats, at least the floor; where it was
    measured once, twice the floor.
    """
    known = floor or 0.0
    return [
        SizeError(
            point.tokens,
            abs(point.predicted / point.measured - 1),
            _ONCE * known if point.repeat is None else max(known, point.repeat),
        )
        for point in points
    ]


def check_median(
    interval: tuple[float, float], limit: float, floor: float, where: str
) -> Finding | None:
    """Compare the 95 % interval of a median error with its limit; None where it is within.

    Noise that is as often up as down makes more errors larger than smaller, so that a median within
    the limit is within it without noise. One beyond the limit counts where it is beyond limit and
    `floor` together, which add in quadrature.
    """
    low, high = interval
    what = f"the median error at {where}"
    if high <= limit:
        return None
    if low > hypot(limit, floor):
        return beyond(f"{what} is at least {pct(low)}", limit)
    if low > limit:
        under = f"{what} is at least {pct(low)}, of which the repeatability floor of {pct(floor)}"
        reason = f"{under} leaves open whether it is beyond the limit of {pct(limit)}"
        return Finding(Cause.NOISE, Outcome.AMBIGUOUS, reason)
    return undecided(what, low, high, limit, Cause.STRADDLE)


def check_few(errors: Sequence[SizeError], limit: float, where: str) -> Finding | None:
    """Compare the median of fewer sizes than give an interval with a limit; None if it is within.

    It is within where the middle size is, and beyond where every size is, of two at least: of good
    models on public curves 4 in 1000 have such a band (benchmarks/verdicts.py).
    """
    least = min(e.low for e in errors)
    if len(errors) > 1 and least > limit:
        return beyond(f"the error at every size of {where} is at least {pct(least)}", limit)
    middle = median_high([e.error for e in errors])
    if middle <= limit:
        return None
    if len(errors) == 1:
        reason = f"the only one of {where} is off by {pct(middle)}, and the limit is {pct(limit)}"
        return Finding(Cause.STRADDLE, Outcome.AMBIGUOUS, reason)
    cause = Cause.NOISE if min(e.error for e in errors) > limit else Cause.STRADDLE
    return undecided(f"the median error at {where}", least, middle, limit, cause)


def check_p95(errors: Sequence[SizeError], limit: float, where: str) -> Finding | None:
    """Compare the 95th percentile with its limit by counting; None where it is within.

    `where` follows the word sizes. It is within where at most one size in 20 is beyond, and beyond
    where more sizes are than chance allows if one in 20 is: few sizes cannot prove it.
    """
    out = [e for e in errors if e.error > limit]
    if len(out) <= _BEYOND_P95 * len(errors):
        return None
    named = f"of {len(errors)} sizes{where}"
    surely, needed = sum(e.low > limit for e in out), beyond_chance(len(errors), _BEYOND_P95)
    if surely >= needed:
        reason = f"off by more than {pct(limit)}: {surely} {named}, and one in 20 may be"
        return Finding(Cause.ERROR, Outcome.FAIL, reason)
    cause = Cause.NOISE if len(out) >= needed else Cause.STRADDLE
    which = _listed([e.tokens for e in out])
    reason = f"off by more than {pct(limit)}: {len(out)} {named} (at {which}), maybe by chance"
    return Finding(cause, Outcome.AMBIGUOUS, reason)


def check_worst(errors: Sequence[SizeError], limit: float) -> Finding | None:
    """Compare each size with the limit that no size may be beyond; None where all are within."""
    worst = max(errors, key=lambda e: e.low)
    if worst.low > limit:
        return beyond(f"the error at size {worst.tokens} is at least {pct(worst.low)}", limit)
    largest = max(errors, key=lambda e: e.error)
    if largest.error <= limit:
        return None
    what = f"the error at size {largest.tokens}"
    return undecided(what, largest.low, largest.error, limit, Cause.NOISE)


def beyond(what: str, limit: float) -> Finding:
    """Make the finding that an error is beyond its limit."""
    return Finding(Cause.ERROR, Outcome.FAIL, f"{what}, beyond the limit of {pct(limit)}")


def undecided(what: str, low: float, high: float, limit: float, cause: Cause) -> Finding:
    """Make the finding that an error may be on either side of its limit."""
    reason = f"{what} is anywhere from {pct(low)} to {pct(high)}, and the limit of {pct(limit)} is"
    return Finding(cause, Outcome.AMBIGUOUS, f"{reason} within")


def pct(share: float) -> str:
    """Write a share as a percentage."""
    return f"{percent(share)} %"


def _listed(sizes: Sequence[int]) -> str:
    shown = ", ".join(map(str, sizes[:_SHOWN]))
    return shown if len(sizes) <= _SHOWN else f"{shown} and {len(sizes) - _SHOWN} more"
