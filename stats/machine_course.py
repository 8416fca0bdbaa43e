"""How the speed of a machine went while sizes were measured in turn, and which repeats agree.

One operation's visits, in the order of time, are taken as

    log time of a visit = log time of its size + course at that moment + noise

A size that is visited all along (the reference) gives a first course; then the sizes and the course
are estimated in turns, each by medians: of the visits of a size, and of the visits near in time.
A moving median keeps the edges of a slow episode (Tukey 1977, Exploratory Data Analysis, ch. 7).
Only differences within one operation count: slow memory does not slow every operation alike.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .arrays import Float64, Int64

Bools = NDArray[np.bool_]

AGREEMENT: Final = 0.05  # |log| ratio up to which two visits agree
EPISODE: Final = 0.08  # log factor above the usual speed from which the machine counts as slow
_USUAL: Final = 0.2  # quantile of the course that is sure to be at the usual speed
_MIN_REFERENCE: Final = 4  # visits of one size from which there is a course
_NEAR: Final = 6  # visits before and after that are near in time
_MIN_NEAR: Final = 5  # repeated visits among them; with fewer the reference alone shows the course
_WORTH: Final = 0.75  # a course that leaves more than this of the repeats' differences is noise
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


def machine_course(sizes: Int64, log_times: Float64) -> Float64:
    """Log factor by which the machine was slower than usual at each visit, [V].

    `sizes` and `log_times` are [V], in the order of time. All zero where no size was visited often
    enough to show a course, or where the repeats do not agree better without it. The mean over the
    visits that were not slow is zero.
    """
    kinds, kind = np.unique(sizes, return_inverse=True)
    counts = np.bincount(kind)
    if not len(kinds) or counts.max() < _MIN_REFERENCE:
        return np.zeros(len(sizes))
    reference = int(counts.argmax())
    shown = course = _reference_course(kind == reference, log_times)
    for _ in range(_TURNS):
        quiet = is_quiet(course)
        course = course - np.mean(course[quiet])
        levels = _levels(kind, quiet, log_times - course)
        others = np.bincount(kind, quiet)[kind] - quiet
        apart = np.where(others > 0, log_times - levels[kind], np.nan)
        known = _moving_median(apart)
        course = np.where(np.isnan(known), shown - levels[reference], known)
    if _deviation(kind, log_times - course) > _WORTH * _deviation(kind, log_times):
        return np.zeros(len(sizes))
    return course - float(np.mean(course[is_quiet(course)]))


def _deviation(kind: Int64, values: Float64) -> float:
    """Mean distance of the visits from the median of their size, over sizes visited again."""
    apart = values - _levels(kind, np.ones(len(kind), dtype=bool), values)[kind]
    return float(np.abs(apart[np.bincount(kind)[kind] > 1]).mean())


def anchored(course: Float64, times_s: Float64, at_s: float) -> Float64:
    """The course [V] over `times_s` [V], shifted so that its trend is zero at a common moment.

    Operations take turns, and a drift makes those slower that are measured late. So all of them are
    given the speed at one moment, `at_s`; where that is before the first visit or after the last,
    the one of that visit. Visits while the machine was slow do not count.
    """
    quiet = is_quiet(course)
    if not course.any() or np.ptp(times_s[quiet]) == 0:
        return course
    slope, level = np.polyfit(times_s[quiet] - times_s[0], course[quiet], 1)
    at = np.clip(at_s, times_s[quiet].min(), times_s[quiet].max()) - times_s[0]
    return course - float(slope * at + level)


def is_quiet(course: Float64) -> Bools:
    """Whether the machine was about as fast as usual at each visit, [V]."""
    quiet: Bools = course <= np.quantile(course, _USUAL) + EPISODE
    return quiet


def size_estimates(
    sizes: Int64, log_times: Float64, course: Float64, disturbed: Bools
) -> dict[int, SizeEstimate]:
    """Estimate each size from the visits that agree, those at the usual speed first.

    All are [V]. `disturbed` are the visits beside which something else was seen on the machine:
    however many of them agree, one that was not disturbed counts more.
    """
    quiet = is_quiet(course) if len(course) else np.zeros(0, dtype=bool)
    return {
        int(size): _size_estimate(
            np.flatnonzero(sizes == size), log_times - course, quiet, quiet & ~disturbed
        )
        for size in np.unique(sizes)
    }


def _size_estimate(places: Int64, values: Float64, quiet: Bools, alone: Bools) -> SizeEstimate:
    """Estimate one size from the largest group of visits that agree; of two, from the faster.

    Visits while the machine was `quiet` and the operation `alone` on it decide, then quiet ones.
    """
    ascending = places[np.argsort(values[places], kind="stable")]
    groups = [
        [at for at in ascending[first:].tolist() if values[at] <= values[start] + AGREEMENT]
        for first, start in enumerate(ascending)
    ]
    best = max(groups, key=lambda g: (int(alone[g].sum()), int(quiet[g].sum()), len(g)))
    used = [at for at in best if alone[at]] or [at for at in best if quiet[at]] or best
    is_slow = not quiet[best].any()
    return SizeEstimate(tuple(sorted(used)), float(np.mean(values[used])), is_slow)


def _reference_course(is_reference: Bools, log_times: Float64) -> Float64:
    """The course as one size shows it: at each visit, that of the visit to it nearest in order."""
    at = np.flatnonzero(is_reference)
    shown = log_times[at]
    padded = np.concatenate([shown[:1], shown, shown[-1:]])
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(padded, 3), axis=1)
    nearest = np.abs(np.arange(len(log_times))[:, None] - at[None, :]).argmin(axis=1)
    course: Float64 = smooth[nearest]
    return course


def _levels(kind: Int64, quiet: Bools, values: Float64) -> Float64:
    """Median of each size's visits at the usual speed; of all of them where there is none."""
    levels = np.zeros(int(kind.max()) + 1)
    for one in range(len(levels)):
        mine = kind == one
        levels[one] = np.median(values[mine & quiet] if (mine & quiet).any() else values[mine])
    return levels


def _moving_median(values: Float64) -> Float64:
    """Median of the values near each place, [V], without those that are NaN; NaN where few are."""
    padded = np.pad(values, _NEAR, constant_values=np.nan)
    near = np.sort(np.lib.stride_tricks.sliding_window_view(padded, 2 * _NEAR + 1), axis=1)
    known = np.count_nonzero(~np.isnan(near), axis=1)
    row = np.arange(len(values))
    median: Float64 = (near[row, np.maximum(known - 1, 0) // 2] + near[row, known // 2]) / 2
    median[known < _MIN_NEAR] = np.nan
    return median
