"""Errors at single sizes beside what the machine's repeats leave open, and their limits.

Noise moves a measured value away from the prediction more often than towards it. So an error within
its limit is taken as it is, and one beyond fails where it is beyond without its noise too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, hypot
from statistics import median_high
from typing import Final

from ..stats.binomial import beyond_chance
from ..stats.median import median_interval
from ..store.percent import percent
from ..store.text.listed import listed
from ..store.verdicts.parts import (
    Cause,
    Disturbed,
    Finding,
    HoldoutPoint,
    Outcome,
    error_between,
)

# Of normal noise, 95 % of single readings are within twice the median difference of two readings.
_ONCE: Final = 2.0
_MOST_TIMES: Final = 5  # as many sizes: another run has that many, and no more are advised
_BEYOND_P95: Final = 0.05  # share of sizes that may be beyond the limit of the 95th percentile


@dataclass(frozen=True, slots=True)
class SizeError:
    """The error at one size, of `error_between`; `noise` is what its repeats leave open."""

    tokens: int
    error: float
    noise: float
    disturbed: bool = False

    @property
    def low(self) -> float:
        """The error that is left when all that the repeats differ by is taken off."""
        return max(0.0, (1 + self.error) / (1 + self.noise) - 1)


def size_errors(points: Sequence[HoldoutPoint], floor: float | None) -> list[SizeError]:
    """Errors of points that share a repeatability floor; an unknown floor counts as 0.

    What a size leaves open is the difference of its own repeats, at least the floor; where it was
    measured once, twice the floor.
    """
    known = floor or 0.0
    return [
        SizeError(
            point.tokens,
            error_between(point.predicted, point.measured),
            _ONCE * known if point.repeat is None else max(known, point.repeat),
            point.disturbed,
        )
        for point in points
    ]


def check_median(
    errors: Sequence[SizeError], limit: float, floor: float, where: str
) -> Finding | None:
    """Compare the 95 % interval of a median error with its limit; None where it is within.

    Fewer sizes than give an interval are compared by `check_few`.

    Noise that is as often up as down makes more errors larger than smaller, so that a median within
    the limit is within it without noise. One beyond the limit counts where it is beyond limit and
    `floor` together, which add in quadrature.
    """
    interval = median_interval([e.error for e in errors])
    if interval is None:
        return check_few(errors, limit, where)
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
    return undecided(what, low, high, limit, Cause.STRADDLE, sizes_to_tell(errors, limit))


def sizes_to_tell(errors: Sequence[SizeError], limit: float) -> int | None:
    """How many sizes with errors like these tell their median from a limit; None: too many."""
    for times in range(2, _MOST_TIMES + 1):
        interval = median_interval([e.error for e in errors] * times)
        if interval is not None and not interval[0] <= limit < interval[1]:
            return times * len(errors)
    return None


def check_few(errors: Sequence[SizeError], limit: float, where: str) -> Finding | None:
    """Compare the median of fewer sizes than give an interval with a limit; None if it is within.

    It is within where the middle size is, and beyond where every size is, of two at least: of good
    models on public curves 4 in 1000 have such a band (benchmarks/verdicts.py).
    """
    least = min(e.low for e in errors)
    if len(errors) > 1 and least > limit:
        return beyond(
            f"the error at each of the {len(errors)} {where} is at least {pct(least)}", limit
        )
    middle = median_high([e.error for e in errors])
    if middle <= limit:
        return None
    if len(errors) == 1:
        only = f"size {errors[0].tokens}, the only one compared of the {where},"
        reason = f"{only} is off by {pct(middle)}, and the limit is {pct(limit)}"
        return Finding(Cause.STRADDLE, Outcome.AMBIGUOUS, reason)
    cause = Cause.NOISE if min(e.error for e in errors) > limit else Cause.STRADDLE
    needed = sizes_to_tell(errors, limit) if cause is Cause.STRADDLE else None
    return undecided(f"the median error at {where}", least, middle, limit, cause, needed)


def check_p95(errors: Sequence[SizeError], limit: float, where: str) -> Finding | None:
    """Compare the 95th percentile with its limit by counting; None where it is within.

    `where` names the sizes. It is within where at most one size in 20 is beyond, and beyond
    where more sizes are than chance allows if one in 20 is: few sizes cannot prove it.
    """
    out = [e for e in errors if e.error > limit]
    if len(out) <= _BEYOND_P95 * len(errors):
        return None
    surely, needed = [e for e in out if e.low > limit], beyond_chance(len(errors), _BEYOND_P95)
    if len(surely) >= needed:
        reason = f"{_counted(surely, errors, where, limit)}, and one in 20 may be"
        return Finding(Cause.ERROR, Outcome.FAIL, reason)
    reason = _counted(out, errors, where, limit)
    if len(out) >= needed:
        reason += ", which their repeats leave open"
        return Finding(Cause.NOISE, Outcome.AMBIGUOUS, reason)
    reason += f", which may be chance: of {ceil(len(out) / _BEYOND_P95)} sizes as many may be"
    return Finding(Cause.STRADDLE, Outcome.AMBIGUOUS, reason)


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


def check_quiet(errors: Sequence[SizeError], where: str) -> Finding | None:
    """Find fault with a comparison most of whose sizes were measured on a disturbed machine.

    `where` names the sizes. It cannot pass; an error beyond its limit is told as FAIL all the same.
    Where the fit was disturbed alike, its errors are small, and say nothing of a quiet machine.
    """
    found = Disturbed(sum(e.disturbed for e in errors), len(errors))
    reason = f"most {where} were measured while the machine was not quiet"
    return Finding(Cause.NOISE, Outcome.AMBIGUOUS, reason) if found.is_most else None


def beyond(what: str, limit: float) -> Finding:
    """Make the finding that an error is beyond its limit."""
    return Finding(Cause.ERROR, Outcome.FAIL, f"{what}, beyond the limit of {pct(limit)}")


def undecided(
    what: str, low: float, high: float, limit: float, cause: Cause, needed: int | None = None
) -> Finding:
    """Make the finding that an error may be on either side of its limit; `needed` sizes tell it."""
    reason = f"{what} is anywhere from {pct(low)} to {pct(high)}, and the limit is {pct(limit)}"
    would = "" if needed is None else f": {needed} sizes like these would tell"
    return Finding(cause, Outcome.AMBIGUOUS, f"{reason}{would}")


def pct(share: float) -> str:
    """Write a share as a percentage."""
    return f"{percent(share)} %"


def _counted(out: Sequence[SizeError], of: Sequence[SizeError], where: str, limit: float) -> str:
    """Say how many sizes are beyond a limit, and which."""
    verb, sizes = ("is", "size") if len(out) == 1 else ("are", "sizes")
    which = f"{sizes} {listed([e.tokens for e in out], most=6)}"
    return f"{len(out)} of the {len(of)} {where} {verb} off by more than {pct(limit)} ({which})"
