"""A machine whose speed changes over time, and the collector that measures on it.

Everything but the times of calls is real: the sweep, its schedules, the recordings, the parser.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import exp
from statistics import NormalDist
from typing import ClassVar

import numpy as np

from moeprof.profiler.collectors.collector import Probe
from moeprof.profiler.job import Job
from moeprof.profiler.record import Tool, Unit, record
from moeprof.profiler.schedule.repeat import Repeat
from moeprof.scenarios.duration import START_S
from moeprof.scenarios.script import (
    MAX_CALLS,
    MIN_CALLS,
    POINT_S,
    REFERENCE_CALLS,
    WARMUP_CALLS,
    WARMUP_S,
)
from moeprof.store.recording import PointTiming, Recording

EPOCH_NS = 1_700_000_000_000_000_000
CALL_S = 3e-5  # between two calls
REFERENCE_S = 1.4e-4  # a call of the reference
POINT_OVERHEAD_S = 0.05
CALL_NOISE = 0.03  # relative standard deviation of a call
VISIT_NOISE = 0.005  # and of all calls of a visit together
DRIFT = 0.05
STEPS = 400  # a sweep's drift has this many


class Clock:
    """A host clock that the simulation advances."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic_ns(self) -> int:
        """Time since the sweep began, ns."""
        return round(self.now_s * 1e9)

    def epoch_ns(self) -> int:
        """Time since 1970, ns."""
        return EPOCH_NS + self.monotonic_ns()

    def boot_ns(self) -> int:
        """Time since the sweep began, ns."""
        return self.monotonic_ns()

    def sleep_until(self, time_ns: int) -> None:
        """Let the time pass."""
        self.now_s = max(self.now_s, time_ns / 1e9)


@dataclass(frozen=True)
class Disturbance:
    """What a machine does to the times of calls: episodes, drift, and a second mode of calls.

    `episodes` are (begin s, end s, slower by); `drift` are |log| factors at even times over
    `length_s`, of mean 0. A share `slow_calls` of the calls takes `slow_by` longer.
    """

    episodes: tuple[tuple[float, float, float], ...] = ()
    drift: np.ndarray = field(default_factory=lambda: np.zeros(2))
    length_s: float = 1.0
    slow_calls: float = 0.0
    slow_by: float = 0.0

    def factor(self, times_s: np.ndarray) -> np.ndarray:
        """By how much longer calls take at some times, [N]."""
        at = np.linspace(0, self.length_s, len(self.drift))
        factor: np.ndarray = np.exp(np.interp(times_s, at, self.drift))
        for begin_s, end_s, slower in self.episodes:
            inside = (begin_s <= times_s) & (times_s < end_s)
            factor = factor * np.where(inside, 1 + slower, 1.0)
        return factor

    def mean_drift(self, until_s: float) -> float:
        """By how much longer calls take at the mean speed until then, without the episodes."""
        at = np.linspace(0, self.length_s, len(self.drift))
        moments_s = np.linspace(0, until_s, STEPS)
        return float(np.exp(np.interp(moments_s, at, self.drift).mean()))

    @property
    def median_factor(self) -> float:
        """Median of all calls over the median of those of the fast mode, while nothing is slow."""
        if not self.slow_calls:
            return 1.0
        normal = NormalDist()
        fast, slower = 1 - self.slow_calls, float(np.log1p(self.slow_by))
        low, high = -5 * CALL_NOISE, slower + 5 * CALL_NOISE
        for _ in range(50):
            middle = (low + high) / 2
            below = fast * normal.cdf(middle / CALL_NOISE)
            below += (1 - fast) * normal.cdf((middle - slower) / CALL_NOISE)
            low, high = (middle, high) if below < 0.5 else (low, middle)
        return exp(low)


def disturbance(rng: np.random.Generator, length_s: float) -> Disturbance:
    """Draw 1 or 2 episodes of 20 to 60 %, 10 to 30 % of the time, a drift of 5 %, two modes."""
    count, share = int(rng.integers(1, 3)), rng.uniform(0.1, 0.3)
    parts = np.array([1.0]) if count == 1 else np.array([w := rng.uniform(0.25, 0.75), 1 - w])
    lengths = parts * share * length_s
    gaps = np.sort(rng.uniform(0, length_s - lengths.sum(), count))
    begins = gaps + np.concatenate([[0.0], np.cumsum(lengths)[:-1]])
    episodes = tuple(
        (float(begin), float(begin + length), float(rng.uniform(0.2, 0.6)))
        for begin, length in zip(begins, lengths, strict=True)
    )
    if rng.random() < 0.5:
        drift = np.linspace(0, 1, STEPS) * rng.choice([-1, 1])
    else:
        drift = np.cumsum(rng.normal(size=STEPS))
    drift = DRIFT * (drift - drift.mean()) / np.ptp(drift)
    return Disturbance(episodes, drift, length_s, rng.uniform(0.05, 0.35), rng.uniform(0.2, 0.6))


@dataclass
class SimulatedCollector:
    """Takes the times of calls from curves, by operation, and from what disturbs the machine."""

    name: ClassVar[str] = "cpu"
    clock: Clock
    curves: Mapping[str, Mapping[int, float]]
    disturbed: Disturbance
    rng: np.random.Generator
    calls: int = 0

    def probe(self, device: str) -> Probe:
        """Say that it works everywhere."""
        return Probe(True, f"simulated on {device}")

    def collect(self, job: Job) -> Iterator[Recording]:
        """Yield one recording of all that the schedule asks for in this turn."""
        first = job.schedule.next()
        if first is None:
            return
        process = _Process(job, self.clock.epoch_ns())
        self.clock.now_s += START_S
        outcomes = []
        repeat: Repeat | None = first
        while repeat is not None:
            timing = self._time(job, repeat)
            job.schedule.measured(repeat, timing)
            outcomes.append(timing)
            repeat = job.schedule.next()
        unit = Unit(self.name, f"{job.op_plan.op}.{process.started_utc_ns}")
        yield record(process, outcomes, unit, Tool("simulated", "1"))

    def _time(self, job: Job, repeat: Repeat) -> PointTiming:
        """Time one visit as isolated.py.txt does."""
        call_s = self.curves[job.op_plan.op][repeat.tokens] * 1e-6
        reference_ns = self._reference()
        self.clock.now_s += POINT_OVERHEAD_S + max(WARMUP_CALLS * call_s, WARMUP_S)
        begin_s = self.clock.now_s
        now = float(self.disturbed.factor(np.array([begin_s]))[0]) * call_s + CALL_S
        count = int(np.clip(np.ceil(POINT_S / now), MIN_CALLS, MAX_CALLS))
        calls_s = self._calls(call_s, begin_s + now * np.arange(count))
        self.clock.now_s = begin_s + float(calls_s.sum()) + count * CALL_S
        reference_ns += self._reference()
        return PointTiming(
            job.schedule.key(repeat),
            repeat.number,
            count,
            tuple(np.maximum(1, np.round(calls_s * 1e9)).astype(int).tolist()),
            EPOCH_NS + round(begin_s * 1e9),
            self.clock.epoch_ns(),
            reference_ns=reference_ns,
        )

    def _reference(self) -> tuple[int, ...]:
        """Time the reference, before or after a visit, ns."""
        times_s = self.clock.now_s + REFERENCE_S * np.arange(REFERENCE_CALLS)
        calls_s = self._calls(REFERENCE_S, times_s)
        self.clock.now_s += float(calls_s.sum())
        return tuple(np.round(calls_s * 1e9).astype(int).tolist())

    def _calls(self, call_s: float, times_s: np.ndarray) -> np.ndarray:
        """Times of calls that begin at `times_s` [N], s."""
        count = len(times_s)
        self.calls += count
        log_noise = self.rng.normal(0, CALL_NOISE, count) + self.rng.normal(0, VISIT_NOISE)
        slow = self.rng.random(count) < self.disturbed.slow_calls
        factor = self.disturbed.factor(times_s) * np.where(slow, 1 + self.disturbed.slow_by, 1.0)
        calls_s: np.ndarray = call_s * factor * np.exp(log_noise)
        return calls_s


@dataclass
class _Process:
    """What `record` asks of a process."""

    job: Job
    started_utc_ns: int
    exit_code: int | None = 0

    @property
    def command(self) -> list[str]:
        """The command that would have been run."""
        return self.job.script("--serve")


class Silent:
    """Progress that nobody reads."""

    def point(self, collector: str, op: str, tokens: int, done: int, total: int) -> None:
        """Say nothing."""

    def warning(self, text: str) -> None:
        """Say nothing."""

    def end(self, done: int, total: int) -> None:
        """Say nothing."""
