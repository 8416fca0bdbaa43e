"""How the speed of a machine went while sizes were measured in turn, and which repeats agree.

One operation's visits, in the order of time, are taken as

    log time of a visit = log time of its size + course at that moment + noise

Beside each visit the same fixed work is timed (the reference), which gives a first course. Then the
sizes and the course are estimated in turns, each by medians: of the visits of a size, and of those
of other sizes near in time. A moving median keeps the edges of a slow episode (Tukey 1977,
Exploratory Data Analysis, ch. 7). As no visit counts for the course at it, the repeats tell how
much of the course is real: slow memory does not slow every operation alike, nor as the reference.
What an operation's own visits cannot tell is the reference's to say: the course before any size has
a repeat, and how fast the machine was between the operation's turns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .arrays import Float64, Int64

Bools = NDArray[np.bool_]

AGREEMENT: Final = 0.05  # |log| ratio up to which two visits agree
EPISODE: Final = 0.08  # log factor above the usual speed from which the machine counts as slow
_NEAR: Final = 6  # visits before and after that are near in time
_WINDOW: Final = 2 * _NEAR + 1
_MIN_NEAR: Final = 5  # repeated sizes among them; with fewer the reference alone shows the course
_SMOOTHED: Final = 7  # visits over which the reference is smoothed
_WORTH: Final = 0.9  # a course that leaves more than this of the repeats' differences is noise
_MOMENTS: Final = 500  # moments of a run over which the course is averaged
_TURNS: Final = 12  # the two estimates settle within a few


@dataclass(frozen=True, slots=True)
class SizeEstimate:
    """What the visits of one size amount to.

    `used` are the places of the visits that the size's time is taken from: they agree once the
    course is taken off, and the machine was at its usual speed, or else `is_slow`. `log_time` is
    their mean without the course.
    """

    used: tuple[int, ...]
    log_time: float
    is_slow: bool

    @property
    def is_confirmed(self) -> bool:
        """Whether two visits at the usual speed agree."""
        return len(self.used) >= 2 and not self.is_slow


def machine_course(
    sizes: Int64, log_times: Float64, reference: Float64, times_s: Float64
) -> Float64:
    """Log factor by which the machine was slower than usual at each visit, [V].

    `sizes`, `log_times`, the course that the `reference` shows (`reference_course`) and the moments
    `times_s` are [V], in the order of time. What a visit itself took does not count for the course
    at it, nor what the other visits of its size took. Zero is the mean speed of the run, as the
    reference shows it. A course without which repeats do not agree better is none. While fewer than
    five sizes have a repeat, it is the reference's where that was slow. An operation that was
    visited only while the reference was slow counts as slow.
    """
    _, kind = np.unique(sizes, return_inverse=True)
    if np.count_nonzero(np.bincount(kind) > 1) < _MIN_NEAR:
        return np.where(is_quiet(reference), 0.0, reference)
    course = _settled(kind, log_times, reference, times_s)
    everywhere = np.ones(len(kind), dtype=np.bool_)
    course = course * _followed(kind, everywhere, course, log_times)
    quiet = is_quiet(course)
    course = course - np.mean(course[quiet])
    course[quiet] *= _followed(kind, quiet, course, log_times)
    alike = quiet & is_quiet(reference)
    if not alike.any():
        return course + np.mean(reference[quiet])
    followed = _followed(kind, alike, reference, log_times)
    return course + followed * np.mean(reference[alike])


def _settled(kind: Int64, log_times: Float64, reference: Float64, times_s: Float64) -> Float64:
    """The course that agrees with the times of sizes; the reference's where no repeat shows it.

    It begins with the fastest visit of each size: the reference may not feel what slowed the
    others. Where the reference was slow it says when that began and ended.
    """
    quiet = is_quiet(reference)
    slow = np.where(quiet, 0.0, reference)
    levels = np.full(kind.max() + 1, np.inf)
    np.minimum.at(levels, kind, log_times)
    for _ in range(_TURNS):
        others = np.bincount(kind, quiet)[kind] - quiet
        apart = np.where(others > 0, log_times - levels[kind] - slow, np.nan)
        known = _median_nearby(apart, kind, times_s) + slow
        course = np.where(np.isnan(known), reference, known)
        quiet = is_quiet(course)
        levels = _levels(kind, quiet, log_times - course)
    return course


def _followed(kind: Int64, among: Bools, course: Float64, log_times: Float64) -> float:
    """Share of the course, from 0 to 1, without which the repeats of sizes agree best.

    It makes the sum of the distances `among` visits of one size smallest: it is the median of
    (difference of times / difference of courses), weighted by the latter. 0 where even that leaves
    nearly as much as there was.
    """
    there, taken = (
        values[among] - _means(kind[among], values[among])[kind[among]]
        for values in (course, log_times)
    )
    moved = np.flatnonzero(there)
    if not len(moved):
        return 0.0
    order = moved[np.argsort(taken[moved] / there[moved])]
    weights = np.cumsum(np.abs(there[order]))
    middle = order[np.searchsorted(weights, weights[-1] / 2)]
    share = float(np.clip(taken[middle] / there[middle], 0, 1))
    left = np.abs(taken - share * there).sum()
    return share if left <= _WORTH * np.abs(taken).sum() else 0.0


def _means(kind: Int64, values: Float64) -> Float64:
    """Mean of the values of each kind; 0 where it has none."""
    sums: Float64 = np.bincount(kind, values) / np.maximum(np.bincount(kind), 1)
    return sums


def reference_course(readings_ns: Sequence[Sequence[int]], times_s: Float64) -> Float64:
    """Log factor by which the reference was slower than in the mean of a run, [V].

    `readings_ns` are its times beside each visit of the run, `times_s` the moments of these [V], in
    the order of time. A moving median smooths it; between visits it is a straight line, and visits
    while the machine was slow do not count for the mean. All zero where a visit has no reading.
    """
    if not all(readings_ns) or not len(times_s):
        return np.zeros(len(times_s))
    shown = np.log([median(reading) for reading in readings_ns])
    padded = np.pad(shown - np.median(shown), _SMOOTHED // 2, mode="edge")
    course: Float64 = np.median(np.lib.stride_tricks.sliding_window_view(padded, _SMOOTHED), axis=1)
    quiet = is_quiet(course)
    moments_s = np.linspace(times_s[0], times_s[-1], _MOMENTS)
    return course - float(np.mean(np.interp(moments_s, times_s[quiet], course[quiet])))


def is_quiet(course: Float64) -> Bools:
    """Whether the machine was about as fast as usual at each visit, [V].

    The usual speed is the highest one that was kept for some visits, however slow the others were.
    """
    usual = min(max(np.sort(course)[:_MIN_NEAR], default=0.0), 0.0)
    quiet: Bools = course <= usual + EPISODE
    return quiet


def size_estimates(
    sizes: Int64, log_times: Float64, course: Float64, disturbed: Bools
) -> dict[int, SizeEstimate]:
    """Estimate each size from the visits that agree, those at the usual speed first.

    All are [V]. Visits agree where they do so with the course or without: not every size feels all
    of it. `disturbed` are the visits beside which something else was seen on the machine: however
    many of them agree, one that was not disturbed counts more.
    """
    quiet = is_quiet(course)
    return {
        int(size): _size_estimate(
            np.flatnonzero(sizes == size), log_times, course, quiet, quiet & ~disturbed
        )
        for size in np.unique(sizes)
    }


def _size_estimate(
    places: Int64, log_times: Float64, course: Float64, quiet: Bools, alone: Bools
) -> SizeEstimate:
    """Estimate one size from the largest group of visits that agree; of two, from the faster.

    Visits while the machine was `quiet` and the operation `alone` on it decide, then quiet ones.
    """
    groups = [
        group for values in (log_times - course, log_times) for group in _agreeing(places, values)
    ]
    best = max(groups, key=lambda g: (int(alone[g].sum()), int(quiet[g].sum()), len(g)))
    used = [at for at in best if alone[at]] or [at for at in best if quiet[at]] or best
    is_slow = not quiet[best].any()
    log_time = float(np.mean((log_times - course)[used]))
    return SizeEstimate(tuple(sorted(used)), log_time, is_slow)


def _agreeing(places: Int64, values: Float64) -> list[list[int]]:
    """The visits at `places` that agree with each of them and are not faster, the fastest first."""
    ascending = places[np.argsort(values[places], kind="stable")]
    return [
        [at for at in ascending[first:].tolist() if values[at] <= values[start] + AGREEMENT]
        for first, start in enumerate(ascending)
    ]


def _levels(kind: Int64, quiet: Bools, values: Float64) -> Float64:
    """Median of each size's visits at the usual speed; of all of them where there is none."""
    counted = quiet | (np.bincount(kind, quiet)[kind] == 0)
    kind, values = kind[counted], values[counted]
    ascending = values[np.lexsort((values, kind))]
    counts = np.bincount(kind)
    first = np.cumsum(counts) - counts
    levels: Float64 = (ascending[first + (counts - 1) // 2] + ascending[first + counts // 2]) / 2
    return levels


def _median_nearby(values: Float64, kind: Int64, times_s: Float64) -> Float64:
    """Median of the values of other sizes near in time to each visit, [V]; NaN where few are.

    NaN among the `values` are unknown. Visits at twice the usual distance are of another turn.
    """
    near, whose, when_s = (
        np.lib.stride_tricks.sliding_window_view(np.pad(one, _NEAR, constant_values=pad), _WINDOW)
        for one, pad in ((values, np.nan), (kind, -1), (times_s, np.inf))
    )
    away_s = np.abs(when_s - times_s[:, None])
    usual_s = np.median(away_s[:, [0, -1]])
    is_other_turn = away_s > 2 * usual_s
    near = np.sort(np.where((whose == kind[:, None]) | is_other_turn, np.nan, near), axis=1)
    known = np.count_nonzero(~np.isnan(near), axis=1)
    row = np.arange(len(values))
    middle: Float64 = (near[row, np.maximum(known - 1, 0) // 2] + near[row, known // 2]) / 2
    middle[known < _MIN_NEAR] = np.nan
    return middle
