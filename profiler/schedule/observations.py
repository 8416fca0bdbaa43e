"""What has been observed of one operation so far: each visit in the order of time, and failures."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, pairwise
from math import exp, log, sqrt
from statistics import NormalDist, median, quantiles
from typing import Final

import numpy as np

from ...device.findings import is_disturbed
from ...stats.arrays import Float64
from ...stats.machine_course import (
    EPISODE,
    SizeEstimate,
    is_quiet,
    machine_course,
    reference_course,
    size_estimates,
)
from ...store.recording import PointTiming
from ...store.text.listed import listed
from .repeat import Repeat

# Of a normal distribution: standard error of the median over that of the mean, and standard
# deviation over interquartile range and over the median of |values|.
_MEDIAN_OVER_MEAN: Final = 1.2533
_DEVIATION_OVER_RANGE: Final = 1 / (2 * NormalDist().inv_cdf(0.75))
_DEVIATION_OVER_MEDIAN: Final = 1 / NormalDist().inv_cdf(0.75)
_MIN_VISITS: Final = 4  # fewer visits do not tell how they scatter
_AROUND: Final = 2  # visits before and after one between which the machine's speed may change
_MIN_CALLS: Final = 4  # fewer have no quartiles


@dataclass(frozen=True, slots=True)
class Visit:
    """One timed visit of a size: the median of its calls, and that median's standard error.

    `noise` is relative; 0 where the calls are too few to say. `is_disturbed` says that something
    else was seen on the machine. `reference_ns` are the times of the reference beside it.
    """

    tokens: int
    time_ns: float
    noise: float
    started_utc_ns: int
    is_disturbed: bool
    reference_ns: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """The course of the machine at each visit [V], and what the visits of each size amount to.

    `reference` is the course as the reference alone shows it, [V].
    """

    course: Float64
    reference: Float64
    estimates: Mapping[int, SizeEstimate]


@dataclass(slots=True)
class Observations:
    """Visits in the order of time, and the sizes that failed.

    `served` are all repeats that were measured; those without times of calls (ncu) have no visit.
    """

    visits: list[Visit] = field(default_factory=list)
    served: set[Repeat] = field(default_factory=set)
    failed: set[int] = field(default_factory=set)
    _judged: _Judged | None = None

    def add(self, repeat: Repeat, timing: PointTiming) -> None:
        """Add a measurement."""
        self.served.add(repeat)
        times_ns = timing.deciding_ns
        time_ns = median(times_ns) if times_ns else 0
        if time_ns > 0:
            self.visits.append(
                Visit(
                    repeat.tokens,
                    time_ns,
                    _noise(times_ns),
                    timing.started_utc_ns,
                    is_disturbed(timing.surroundings),
                    timing.reference_ns,
                )
            )
            self._judged = None

    def sort(self) -> None:
        """Bring the visits of several recordings into the order of time."""
        self.visits.sort(key=lambda visit: visit.started_utc_ns)

    @property
    def sizes(self) -> set[int]:
        """Sizes that were measured."""
        return {repeat.tokens for repeat in self.served}

    def next_repeat(self, tokens: int) -> Repeat:
        """The repeat of a size with the first free number: a damaged one may have left a gap."""
        return next(one for n in count() if (one := Repeat(tokens, n)) not in self.served)

    @property
    def counts(self) -> "Counter[int]":
        """Number of visits by size."""
        return Counter(visit.tokens for visit in self.visits)

    @property
    def judged(self) -> _Judged:
        """The course of the machine over the visits so far, and what each size's amount to."""
        if self._judged is None:
            sizes = np.array([visit.tokens for visit in self.visits], dtype=np.int64)
            log_times = np.array([log(visit.time_ns) for visit in self.visits])
            times_s = np.array([visit.started_utc_ns / 1e9 for visit in self.visits])
            readings_ns = [visit.reference_ns for visit in self.visits]
            reference = reference_course(readings_ns, times_s)
            course = machine_course(sizes, log_times, reference, times_s)
            disturbed = np.array([visit.is_disturbed for visit in self.visits], dtype=np.bool_)
            estimates = size_estimates(sizes, log_times, course, disturbed)
            self._judged = _Judged(course, reference, estimates)
        return self._judged

    @property
    def estimates(self) -> Mapping[int, SizeEstimate]:
        """What the visits of each size amount to, without the course of the machine."""
        return self.judged.estimates

    @property
    def time_ns(self) -> dict[int, float]:
        """Time of each size while the machine is as fast as usual, in ns."""
        return {size: exp(one.log_time) for size, one in self.estimates.items()}

    @property
    def noise(self) -> dict[int, float]:
        """Relative standard error of each size's time, from the scatter of calls and of visits."""
        between = _between_visits(self.visits)
        return {
            size: sqrt(sum(self.visits[at].noise ** 2 + between**2 for at in one.used))
            / len(one.used)
            for size, one in self.estimates.items()
        }

    @property
    def unconfirmed(self) -> set[int]:
        """Sizes of which no two visits agree, or that were visited while the machine was slow."""
        return {size for size, one in self.estimates.items() if not one.is_confirmed}

    @property
    def between_speeds(self) -> set[int]:
        """Sizes visited once, while the machine's speed changed as the reference shows it."""
        padded = np.pad(self.judged.reference, _AROUND, mode="edge")
        around = np.lib.stride_tricks.sliding_window_view(padded, 2 * _AROUND + 1)
        changed = np.flatnonzero(np.ptp(around, axis=1) > EPISODE)
        counts = self.counts
        return {size for at in changed if counts[size := self.visits[at].tokens] == 1}

    def remarks(self) -> list[str]:
        """Sentences about sizes whose visits disagree, and about a machine that was slow."""
        counts, course = self.counts, self.judged.course
        once = {size for size, visits in counts.items() if visits == 1}
        apart = self.unconfirmed - once
        slow = course[~is_quiet(course)]
        remarks = []
        if apart:
            sizes = "1 size" if len(apart) == 1 else f"{len(apart)} sizes"
            remarks.append(
                f"no two visits at the usual speed agree at {sizes}: {listed(sorted(apart))}"
            )
        if len(slow):
            remarks.append(
                f"the machine was up to {100 * float(np.expm1(slow.max())):.0f} % slower in"
                f" {len(slow)} of {len(course)} visits, which count only where there is no other"
            )
        return remarks


def _between_visits(visits: Sequence[Visit]) -> float:
    """Relative deviation of the reference's time from visit to visit, beyond that of its calls.

    As the median change: a drift hardly shows in it, and the edges of a slow episode are few. 0
    below four visits, and where a visit has no reference.
    """
    readings_ns = [visit.reference_ns for visit in visits]
    if len(visits) < _MIN_VISITS or not all(readings_ns):
        return 0.0
    times = [log(median(calls_ns)) for calls_ns in readings_ns]
    change = median(abs(after - before) for before, after in pairwise(times))
    scatter = change * _DEVIATION_OVER_MEDIAN / sqrt(2)
    return sqrt(max(0.0, scatter**2 - median(map(_noise, readings_ns)) ** 2))


def _noise(calls_ns: Sequence[int]) -> float:
    """Relative standard error of the median of some calls; 0 where they are too few to say."""
    if len(calls_ns) < _MIN_CALLS:
        return 0.0
    low, _, high = quantiles(calls_ns, n=4)
    deviation = _DEVIATION_OVER_RANGE * (high - low) / median(calls_ns)
    return _MEDIAN_OVER_MEAN * deviation / sqrt(len(calls_ns))
