"""What to measure next of one operation, and when to stop.

A sweep measures an operation in two turns. The first turn measures the planned sizes and the
held-out ones, in an order drawn by seed, and then the sizes that adaptive sampling chooses
(adaptive.py). The late turn begins after all other operations, in a new process. It measures

- the calibration sizes, so that their errors include the variation over time and processes;
- the held-out sizes a second time, which shows how well a measurement repeats;
- the doubtful sizes a second time (doubtful_sizes.py).

The times observed here only decide what to measure; the collectors record the measurement.
"""

import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from enum import Enum, auto
from math import inf

from ...store.plan import OpPlan, Plan
from ...store.recording import Failure, PointTiming, Recording
from ...store.scenario import Scenario
from ..host_clock import SYSTEM_CLOCK, Clock
from .adaptive import choose_size, reserved_sizes
from .doubtful_sizes import LIMITS, DoubtLimits, doubtful_sizes
from .observations import Observations
from .repeat import Repeat
from .stopwatch import Stopwatch


class _Phase(Enum):
    """Which sizes may come next, once all planned ones are measured."""

    ADAPTIVE = auto()
    NONE_MORE = auto()
    LATE = auto()


class Schedule:
    """The repeats of one operation, in order.

    `recordings` are what an interrupted sweep left: what they measured is not measured again, what
    failed in them is tried again. `deadline_s`, on the monotonic clock, is set by the sweep.
    """

    def __init__(
        self,
        plan: Plan,
        op_plan: OpPlan,
        scenario_of: Callable[[int], Scenario],
        *,
        recordings: Sequence[Recording] = (),
        limits: DoubtLimits = LIMITS,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.scenario_of = scenario_of
        self.deadline_s = inf
        self.done = 0
        self._op_plan = op_plan
        self._max_points = plan.points_per_op if plan.sampling == "adaptive" else 0
        self._limits = limits
        self._phase = _Phase.ADAPTIVE
        self._planned, self._late = _queues(plan, op_plan)
        self._observed = Observations()
        self._stopwatch = Stopwatch(clock)
        for recording in recordings:
            self._recall(recording)

    @property
    def total(self) -> int:
        """Repeats in all if nothing stops the sweep early."""
        if self._phase is _Phase.ADAPTIVE:
            return _max_repeats(self._op_plan, self._max_points)
        return self.done + self._stopwatch.is_running + len(self._planned) + len(self._late)

    @property
    def late_s(self) -> float:
        """Time that the late repeats will take, by the mean of those measured so far, in s."""
        return len(self._late) * self._stopwatch.mean_s

    @property
    def fitted_sizes(self) -> list[int]:
        """Measured sizes that are given to the fit, ascending; where none is, all measured ones."""
        measured = self._observed.time_ns
        return sorted(measured.keys() - reserved_sizes(self._op_plan) or measured)

    @property
    def unmeasured(self) -> list[int]:
        """Planned sizes not measured yet, ascending; after the sweep, for lack of time."""
        return sorted(repeat.tokens for repeat in self._waiting())

    def key(self, repeat: Repeat) -> str:
        """Key of the scenario at a repeat's size."""
        return self.scenario_of(repeat.tokens).key

    def next(self) -> Repeat | None:
        """Take the next repeat, None when there is none or the time is up."""
        left_s = self.deadline_s - self._stopwatch.now_s()
        repeat = self._next(left_s) if left_s > 0 else None
        if repeat is not None:
            self._stopwatch.start()
        return repeat

    def _next(self, left_s: float) -> Repeat | None:
        if self._planned:
            return self._planned.popleft()
        if self._phase is _Phase.ADAPTIVE and left_s > self.late_s:
            size = choose_size(self._op_plan, self._observed, self._max_points)
            return None if size is None else Repeat(size, 0)
        if self._phase is _Phase.LATE:
            return self._next_late()
        return None

    def _next_late(self) -> Repeat | None:
        """Take the next late repeat, without those of sizes that were never measured."""
        while self._late:
            repeat = self._late.popleft()
            if not repeat.number or repeat.tokens in self._observed.time_ns:
                return repeat
        return None

    def measured(self, repeat: Repeat, timing: PointTiming) -> None:
        """Add the times of a repeat."""
        self._count()
        self._observed.add(repeat, timing)

    def failed(self, repeat: Repeat, reason: str) -> Failure:
        """Add a repeat that failed: adaptive sampling does not choose its size again."""
        self._count()
        self._observed.failed.add(repeat.tokens)
        return Failure(self.key(repeat), repeat.number, reason)

    def give_up(self, reason: str) -> list[Failure]:
        """Fail every planned size not measured yet, for one reason; `next` then returns None."""
        waiting = self._waiting()
        self._planned.clear()
        self._late.clear()
        self.deadline_s = -inf
        return [self.failed(repeat, reason) for repeat in waiting]

    def end_sampling(self) -> None:
        """End the first turn: choose no more sizes."""
        self._phase = _Phase.NONE_MORE

    def turn_late(self, deadline_s: float) -> None:
        """Begin the late turn, which lasts until another deadline."""
        self._phase = _Phase.LATE
        self.deadline_s = deadline_s
        closed = reserved_sizes(self._op_plan) | self._observed.repeated
        doubtful = doubtful_sizes(self._observed, self._limits)
        self._late += _repeats(sorted(doubtful - closed), 1)

    def _waiting(self) -> list[Repeat]:
        """Planned sizes that were not measured yet."""
        return [repeat for repeat in (*self._planned, *self._late) if not repeat.number]

    def _count(self) -> None:
        self.done += 1
        self._stopwatch.stop()

    def _recall(self, recording: Recording) -> None:
        """Add what a recording measured, and take it out of the queues."""
        sizes = {scenario.key: scenario.tokens for scenario in recording.scenarios}
        for timing in recording.served:
            repeat = Repeat(sizes[timing.scenario_key], timing.visit)
            self._observed.add(repeat, timing)
            self.done += 1
            for queue in (self._planned, self._late):
                if repeat in queue:
                    queue.remove(repeat)


def _queues(plan: Plan, op_plan: OpPlan) -> tuple[deque[Repeat], deque[Repeat]]:
    """Repeats of the first turn and of the late one, each in an order drawn by the plan's seed."""
    order = random.Random(f"{plan.seed} {op_plan.op}")
    first, calibration, holdout_again = (
        _repeats([*op_plan.first, *op_plan.holdout], 0),
        _repeats(op_plan.calibration, 0),
        _repeats(op_plan.holdout, 1),
    )
    for repeats in (first, calibration, holdout_again):
        order.shuffle(repeats)
    return deque(first), deque([*calibration, *holdout_again])


def _repeats(sizes: Iterable[int], number: int) -> list[Repeat]:
    return [Repeat(size, number) for size in sizes]


def _max_repeats(op_plan: OpPlan, max_points: int) -> int:
    """Repeats of an operation at most, doubtful sizes not counted."""
    reserved = len(reserved_sizes(op_plan))
    adaptive = max(0, max_points - len(op_plan.first))
    unmeasured = max(0, len(op_plan.domain) - len(op_plan.first) - reserved)
    return len(op_plan.first) + reserved + len(op_plan.holdout) + min(adaptive, unmeasured)
