"""Which size of one operation to measure next, and when to stop.

First the planned sizes and the hold-out, in an order drawn by seed; then, with adaptive sampling,
the sizes that the latencies seen so far ask for; last the hold-out once more, which shows how well
a measurement repeats. The times seen here only choose: what is recorded is the collector's.
"""

import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from ..costmodel.acquisition import next_size
from ..store.plan import OpPlan, Plan
from ..store.recording import Failure, Recording, Served
from ..store.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Visit:
    """One measurement of one size; `number` counts the visits to it before."""

    tokens: int
    number: int


class Agenda:
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
        self._op_plan = op_plan
        self._adaptive_points = plan.points_per_op if plan.sampling == "adaptive" else 0
        self._seen_ns: dict[int, float] = {}
        self._failed: set[int] = set()
        self._costs_s: list[float] = []
        self._asked_s = 0.0
        self._closed = False
        self.done = 0
        order = random.Random(f"{plan.seed} {op_plan.op}")
        self._planned = _shuffled([*op_plan.first, *op_plan.holdout], 0, order)
        self._again = _shuffled(op_plan.holdout, 1, order)
        for recording in recordings:
            for served in recording.served:
                self._recall(recording, served)

    @property
    def total(self) -> int:
        """Visits if nothing stops the sweep early; those done once it is closed."""
        if self._closed:
            return self.done
        adaptive = max(0, self._adaptive_points - len(self._op_plan.first))
        unmeasured = len(self._op_plan.domain) - len(self._op_plan.first)
        room = max(0, unmeasured - len(self._op_plan.holdout))
        holdout = 2 * len(self._op_plan.holdout)
        return len(self._op_plan.first) + holdout + min(adaptive, room)

    @property
    def unmeasured(self) -> list[int]:
        """Planned sizes that the deadline left."""
        return sorted(visit.tokens for visit in self._planned)

    def key(self, visit: Visit) -> str:
        """Key of the scenario at this visit's size."""
        return self.scenario_of(visit.tokens).key

    def next(self) -> Visit | None:
        """Take the next visit, None when there is none or the time is up."""
        self._asked_s = time.monotonic()
        left_s = self.deadline_s - self._asked_s
        if left_s <= 0:
            return None
        if self._planned:
            return self._planned.popleft()
        if left_s > self._time_for_repeats_s():
            size = self._choose()
            if size is not None:
                return Visit(size, 0)
        while self._again:
            visit = self._again.popleft()
            if visit.tokens in self._seen_ns:
                return visit
        return None

    def measured(self, visit: Visit, served: Served) -> None:
        """Take note of a visit's times."""
        self._count()
        self._see(visit, served)

    def failed(self, visit: Visit, reason: str) -> Failure:
        """Take note of a visit that failed."""
        self._count()
        self._failed.add(visit.tokens)
        return Failure(self.key(visit), visit.number, reason)

    def give_up(self, reason: str) -> list[Failure]:
        """Fail every planned visit that is left, for one reason; nothing more is asked for."""
        left = [*self._planned]
        self._planned.clear()
        self._again.clear()
        self.deadline_s = float("-inf")
        return [self.failed(visit, reason) for visit in left]

    def close(self) -> None:
        """End the counting: what is not done by now will not be."""
        self._closed = True

    def _choose(self) -> int | None:
        holdout = set(self._op_plan.holdout)
        seen = {size: time_ns for size, time_ns in self._seen_ns.items() if size not in holdout}
        if len(seen) + len(self._failed - holdout) >= self._adaptive_points or len(seen) < 2:
            return None
        closed = holdout | self._failed
        return next_size(seen, [size for size in self._op_plan.domain if size not in closed])

    def _see(self, visit: Visit, served: Served) -> None:
        if served.calls_ns:  # a counter collector takes no times
            self._seen_ns.setdefault(visit.tokens, median(served.calls_ns))

    def _time_for_repeats_s(self) -> float:
        return len(self._again) * fmean(self._costs_s) if self._costs_s else 0.0

    def _count(self) -> None:
        self.done += 1
        self._costs_s.append(time.monotonic() - self._asked_s)

    def _recall(self, recording: Recording, served: Served) -> None:
        sizes = {scenario.key: scenario.tokens for scenario in recording.scenarios}
        visit = Visit(sizes[served.scenario_key], served.visit)
        self._see(visit, served)
        self.done += 1
        for waiting in (self._planned, self._again):
            if visit in waiting:
                waiting.remove(visit)


def _shuffled(
    sizes: list[int] | tuple[int, ...], number: int, order: random.Random
) -> deque[Visit]:
    visits = [Visit(size, number) for size in sizes]
    order.shuffle(visits)
    return deque(visits)
