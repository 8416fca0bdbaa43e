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
from ...stats.machine_course import EPISODE, SizeEstimate, is_quiet, machine_course, size_estimates
from ...store.recording import PointTiming
from ...store.text.listed import listed
from .repeat import Repeat

# Of a normal distribution: standard error of the median over that of the mean, and standard
# deviation over interquartile range and over the median of |values|.
_MEDIAN_OVER_MEAN: Final = 1.2533
_DEVIATION_OVER_RANGE: Final = 1 / (2 * NormalDist().inv_cdf(0.75))
_DEVIATION_OVER_MEDIAN: Final = 1 / NormalDist().inv_cdf(0.75)
_MIN_VISITS: Final = 4  # fewer visits of one size do not tell how visits scatter
_MIN_CALLS: Final = 4  # fewer have no quartiles


@dataclass(frozen=True, slots=True)
class Visit:
    """One timed visit of a size: the median of its calls, and that median's standard error.

    `noise` is relative; 0 where the calls are too few to say. `is_disturbed` says that something
    else was seen on the machine.
    """

    tokens: int
    time_ns: float
    noise: float
    started_utc_ns: int
    is_disturbed: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """The course of the machine at each visit [V], and what the visits of each size amount to."""

    course: Float64
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
            course = machine_course(sizes, log_times, times_s)
            disturbed = np.array([visit.is_disturbed for visit in self.visits], dtype=np.bool_)
            self._judged = _Judged(course, size_estimates(sizes, log_times, course, disturbed))
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

    def between_speeds(self, reference: int | None) -> set[int]:
        """Sizes visited once, while the machine's speed changed.

        The `reference` took another time after such a visit than before.
        """
        at = [place for place, visit in enumerate(self.visits) if visit.tokens == reference]
        changed = [
            visit.tokens
            for before, after in pairwise(at)
            if abs(log(self.visits[after].time_ns / self.visits[before].time_ns)) > EPISODE
            for visit in self.visits[before + 1 : after]
        ]
        counts = self.counts
        return {size for size in changed if counts[size] == 1}

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
    """Relative deviation of a visit's time from that of others of its size near in time.

    From the size that was visited most, the reference, as the median change from one visit to the
    next: a drift hardly shows in it, and the edges of a slow episode are few. 0 below four visits.
    """
    (size, count), *_ = Counter(visit.tokens for visit in visits).most_common(1) or [(0, 0)]
    if count < _MIN_VISITS:
        return 0.0
    times = [log(visit.time_ns) for visit in visits if visit.tokens == size]
    change = median(abs(after - before) for before, after in pairwise(times))
    return change * _DEVIATION_OVER_MEDIAN / sqrt(2)


def _noise(calls_ns: Sequence[int]) -> float:
    """Relative standard error of the median of some calls; 0 where they are too few to say."""
    if len(calls_ns) < _MIN_CALLS:
        return 0.0
    low, _, high = quantiles(calls_ns, n=4)
    deviation = _DEVIATION_OVER_RANGE * (high - low) / median(calls_ns)
    return _MEDIAN_OVER_MEAN * deviation / sqrt(len(calls_ns))
