"""Which repeats of a point count: those that agree, without the course of the machine's speed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...stats.arrays import Float64
from ...stats.machine_course import (
    SizeEstimate,
    is_quiet,
    machine_course,
    reference_course,
    size_estimates,
)
from ...stats.repeatability import repeat_difference
from ...store.plan import Role
from .times import RepeatTimes

# What a point is of: the curve, the key of its scenario, and its role.
PointKey = tuple[str, str, Role]


@dataclass(frozen=True, slots=True, eq=False)
class AgreedTimes:
    """The complete repeats of one point, and what they amount to.

    The latencies of `used` are without the course of the machine: divided by e^`correction`, which
    is the mean over these repeats. They agree, and `agreeing` is their number; 0 where the machine
    was slow at every repeat, by the factor 1 + `slower_by` (else None). `turns_apart` is the log
    ratio of the second repeat to the first, as they were measured: None without both, or where the
    machine was slow at one.
    """

    complete: tuple[RepeatTimes, ...]
    used: tuple[RepeatTimes, ...]
    agreeing: int
    correction: float
    slower_by: float | None
    turns_apart: float | None

    @property
    def difference(self) -> float | None:
        """|log| ratio of the highest to the lowest median; of the used repeats where two are."""
        repeats = self.used if len(self.used) > 1 else self.complete
        return repeat_difference([float(np.median(one.latency_ns)) for one in repeats])


def agreed_times(
    repeats: Mapping[PointKey, Sequence[RepeatTimes]],
) -> dict[PointKey, AgreedTimes]:
    """The agreed times of each point that has a complete repeat.

    The course of the machine is taken curve by curve.
    """
    curves: dict[str, dict[PointKey, list[RepeatTimes]]] = {}
    for key, own in repeats.items():
        if complete := _complete(own):
            curves.setdefault(key[0], {})[key] = complete
    course_at = _reference_course(curves)
    return {key: one for curve in curves.values() for key, one in _agreed(curve, course_at).items()}


def _complete(repeats: Sequence[RepeatTimes]) -> list[RepeatTimes]:
    """The complete repeats; where some have kernel times, those alone."""
    complete = [one for one in repeats if one.problem is None]
    by_kernel = [one for one in complete if one.source == "kernel"]
    return by_kernel or complete


def _reference_course(
    curves: Mapping[str, Mapping[PointKey, list[RepeatTimes]]],
) -> Mapping[int, float]:
    """The course that the reference shows over the whole run, by the start of each visit, ns."""
    visits = [one for curve in curves.values() for times in curve.values() for one in times]
    visits.sort(key=lambda one: one.started_utc_ns)
    starts_ns = [one.started_utc_ns for one in visits]
    readings_ns = [one.reference_ns for one in visits]
    course = reference_course(readings_ns, np.array(starts_ns) / 1e9)
    return dict(zip(starts_ns, course.tolist(), strict=True))


def _agreed(
    curve: Mapping[PointKey, list[RepeatTimes]], course_at: Mapping[int, float]
) -> dict[PointKey, AgreedTimes]:
    """The agreed times of one curve, by point, at the mean speed of the run."""
    keys = list(curve)
    visits = [(place, one) for place, key in enumerate(keys) for one in curve[key]]
    visits.sort(key=lambda visit: visit[1].started_utc_ns)
    sizes = np.array([place for place, _ in visits], dtype=np.int64)
    log_times = np.log([float(np.median(one.latency_ns)) for _, one in visits])
    times_s = np.array([one.started_utc_ns / 1e9 for _, one in visits])
    reference = np.array([course_at[one.started_utc_ns] for _, one in visits])
    course = machine_course(sizes, log_times, reference, times_s)
    disturbed = np.array([one.is_disturbed for _, one in visits])
    estimates = size_estimates(sizes, log_times, course, disturbed)
    repeats = [one for _, one in visits]
    at_usual = {
        (place, one.number): log_time
        for (place, one), log_time, quiet in zip(visits, log_times, is_quiet(course), strict=True)
        if quiet
    }
    return {
        key: _agreed_times(
            curve[key], repeats, course, estimates[place], _turns_apart(at_usual, place)
        )
        for place, key in enumerate(keys)
    }


def _turns_apart(at_usual: Mapping[tuple[int, int], float], place: int) -> float | None:
    """Log ratio of the second repeat of a size to the first, from times by size and repeat."""
    first, second = (at_usual.get((place, number)) for number in (0, 1))
    return None if first is None or second is None else float(second - first)


def _agreed_times(
    complete: list[RepeatTimes],
    repeats: Sequence[RepeatTimes],
    course: Float64,
    estimate: SizeEstimate,
    turns_apart: float | None,
) -> AgreedTimes:
    used = [
        replace(repeats[at], latency_ns=repeats[at].latency_ns / np.exp(course[at]))
        for at in estimate.used
    ]
    correction = float(np.mean(course[list(estimate.used)]))
    slower_by = float(np.expm1(correction)) if estimate.is_slow else None
    agreeing = 0 if estimate.is_slow else len(used)
    return AgreedTimes(tuple(complete), tuple(used), agreeing, correction, slower_by, turns_apart)
