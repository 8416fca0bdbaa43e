"""Which size of one operation to measure next, and when to stop.

First the planned sizes and the hold-out, in an order drawn by seed; then, with adaptive sampling,
the sizes that the latencies seen so far ask for, until the model would be accurate enough. Last,
when every operation has had its turn, the calibration sizes, so that what they are off by holds
what another process at another time makes of it; the hold-out once more, which shows how well a
measurement repeats; and every size whose calls spread, or that took longer than the next larger
one: there the machine may have been in a slow moment. The times seen here only choose: what is
recorded is the collector's.
"""

import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from statistics import NormalDist, fmean, median, quantiles
from typing import Final

from ...costmodel.curve.acquisition import TARGET_P95, Seen, is_enough, next_size
from ...parsers.points import SPREAD_LIMIT
from ...store.plan import OpPlan, Plan
from ...store.recording import Failure, PointTiming, Recording
from ...store.scenario import Scenario

# Standard error of a median over that of a mean, and standard deviation over interquartile range,
# both of a normal distribution.
_OF_MEDIAN: Final = 1.2533
_OF_RANGE: Final = 1 / (2 * NormalDist().inv_cdf(0.75))
_FALL: Final = 0.05  # by which a size may take longer than the next larger one


@dataclass(frozen=True, slots=True)
class Repeat:
    """One measurement of one size; `number` counts the visits to it before."""

    tokens: int
    number: int


class Schedule:
    """The visits of one operation, as far as they can be known now.

    `recordings` are what an interrupted sweep left: what they measured is not measured again, what
    failed in them is tried again. `deadline_s`, on the clock of `time.monotonic`, is when to stop;
    the sweep sets it when the operation's turn comes.
    """

    def __init__(
        self,
        plan: Plan,
        op_plan: OpPlan,
        scenario_of: Callable[[int], Scenario],
        *,
        recordings: Sequence[Recording] = (),
    ) -> None:
        self.scenario_of = scenario_of
        self.deadline_s = float("inf")
        self._is_late = False
        self._op_plan = op_plan
        self._adaptive_points = plan.points_per_op if plan.sampling == "adaptive" else 0
        self._seen_ns: dict[int, float] = {}
        self._noise: dict[int, float] = {}
        self._signatures: dict[int, str] = {}
        self._spread: set[int] = set()
        self._repeated: set[int] = set()
        self._reserved = {*op_plan.holdout, *op_plan.calibration}
        self._failed: set[int] = set()
        self._costs_s: list[float] = []
        self._asked_s = 0.0
        self._sampling = True
        self._in_flight = False
        self.done = 0
        order = random.Random(f"{plan.seed} {op_plan.op}")
        self._planned = _shuffled(_visits([*op_plan.first, *op_plan.holdout], 0), order)
        self._late = _shuffled(_visits(op_plan.calibration, 0), order)
        self._late += _shuffled(_visits(op_plan.holdout, 1), order)
        for recording in recordings:
            for served in recording.served:
                self._recall(recording, served)

    @property
    def total(self) -> int:
        """Visits if nothing stops the sweep early."""
        if not self._sampling:
            return self.done + self._in_flight + len(self._planned) + len(self._late)
        adaptive = max(0, self._adaptive_points - len(self._op_plan.first))
        unmeasured = len(self._op_plan.domain) - len(self._op_plan.first)
        room = max(0, unmeasured - len(self._reserved))
        reserved = len(self._reserved) + len(self._op_plan.holdout)
        return len(self._op_plan.first) + reserved + min(adaptive, room)

    @property
    def late_s(self) -> float:
        """Time that the late visits will take, as far as it can be told from those so far."""
        return len(self._late) * fmean(self._costs_s) if self._costs_s else 0.0

    @property
    def fitted_sizes(self) -> list[int]:
        """Sizes whose times were taken and are given to the fit; where none is, all of them."""
        return sorted(self._seen_ns.keys() - self._reserved or self._seen_ns)

    @property
    def unmeasured(self) -> list[int]:
        """Planned sizes that the deadline left."""
        return sorted(visit.tokens for visit in (*self._planned, *self._late) if not visit.number)

    def key(self, visit: Repeat) -> str:
        """Key of the scenario at this visit's size."""
        return self.scenario_of(visit.tokens).key

    def next(self) -> Repeat | None:
        """Take the next visit, None when there is none or the time is up."""
        self._asked_s = time.monotonic()
        visit = self._next(self.deadline_s - self._asked_s)
        self._in_flight = visit is not None
        return visit

    def _next(self, left_s: float) -> Repeat | None:
        if left_s <= 0:
            return None
        if self._planned:
            return self._planned.popleft()
        if self._sampling and left_s > self.late_s:
            size = self._choose()
            if size is not None:
                return Repeat(size, 0)
        while self._is_late and self._late:
            visit = self._late.popleft()
            if not visit.number or visit.tokens in self._seen_ns:
                return visit
        return None

    def measured(self, visit: Repeat, served: PointTiming, signature: str | None = None) -> None:
        """Take note of a visit's times, and of its kernels where the collector tells them live."""
        self._count()
        self._see(visit, served)
        if signature is not None:
            self._signatures[visit.tokens] = signature

    def failed(self, visit: Repeat, reason: str) -> Failure:
        """Take note of a visit that failed."""
        self._count()
        self._failed.add(visit.tokens)
        return Failure(self.key(visit), visit.number, reason)

    def give_up(self, reason: str) -> list[Failure]:
        """Fail every planned visit that is left, for one reason; nothing more is asked for."""
        left = [visit for visit in (*self._planned, *self._late) if not visit.number]
        self._planned.clear()
        self._late.clear()
        self.deadline_s = float("-inf")
        return [self.failed(visit, reason) for visit in left]

    def end_sampling(self) -> None:
        """Choose no more sizes: what is left are late visits, and planned ones if there is time."""
        self._sampling = False

    def turn_late(self, deadline_s: float) -> None:
        """Turn to the late visits, among them to what is in doubt, until another deadline."""
        self._is_late = True
        reserved = self._reserved | self._repeated
        self._late += _visits(sorted((self._spread | self._out_of_line()) - reserved), 1)
        self.deadline_s = deadline_s

    def _out_of_line(self) -> set[int]:
        """Sizes that took longer than the next larger one."""
        ascending = sorted(self._seen_ns.items())
        return {
            size
            for (size, time_ns), (_, next_ns) in pairwise(ascending)
            if time_ns > (1 + _FALL) * next_ns
        }

    def _choose(self) -> int | None:
        seen = {size: ns for size, ns in self._seen_ns.items() if size not in self._reserved}
        if len(seen) + len(self._failed - self._reserved) >= self._adaptive_points or len(seen) < 2:
            return None
        closed = self._reserved | self._failed
        domain = [size for size in self._op_plan.domain if size not in closed]
        if is_enough(seen, domain, TARGET_P95):
            return None
        return next_size(Seen(seen, self._noise, self._signatures), domain)

    def _see(self, visit: Repeat, served: PointTiming) -> None:
        # A counter collector takes no times; of two visits the first decides.
        if served.calls_ns and visit.tokens not in self._seen_ns:
            self._seen_ns[visit.tokens] = median(served.calls_ns)
            self._noise[visit.tokens] = _noise(served.calls_ns)
            if _spread(served.calls_ns) > SPREAD_LIMIT:
                self._spread.add(visit.tokens)
        if visit.number:
            self._repeated.add(visit.tokens)

    def _count(self) -> None:
        self.done += 1
        self._in_flight = False
        self._costs_s.append(time.monotonic() - self._asked_s)

    def _recall(self, recording: Recording, served: PointTiming) -> None:
        sizes = {scenario.key: scenario.tokens for scenario in recording.scenarios}
        visit = Repeat(sizes[served.scenario_key], served.visit)
        self._see(visit, served)
        self.done += 1
        for waiting in (self._planned, self._late):
            if visit in waiting:
                waiting.remove(visit)


def _noise(calls_ns: Sequence[int]) -> float:
    """Relative standard error of the median of some calls; 0 where they are too few to tell."""
    if len(calls_ns) < 4:
        return 0.0
    return _OF_MEDIAN * _OF_RANGE * _spread(calls_ns) / sqrt(len(calls_ns))


def _spread(calls_ns: Sequence[int]) -> float:
    """Interquartile range of some calls over their median; 0 where they are too few to tell."""
    if len(calls_ns) < 4:
        return 0.0
    low, _, high = quantiles(calls_ns, n=4)
    return (high - low) / median(calls_ns)


def _visits(sizes: Iterable[int], number: int) -> list[Repeat]:
    return [Repeat(size, number) for size in sizes]


def _shuffled(visits: list[Repeat], order: random.Random) -> deque[Repeat]:
    order.shuffle(visits)
    return deque(visits)
