"""What to measure next of one operation, and when to stop.

A sweep measures an operation in turns. The first turn visits the planned sizes, in an order drawn
by seed, then the sizes that adaptive sampling chooses (adaptive.py), and then the spare hold-out.
A late turn begins after all other operations had theirs, in a new process. The second turn visits
every size again, in another order; a third one those of which no two visits agree, or at which the
machine was slow.

Beside each visit the script times the reference, the same work for all operations: it shows how the
machine's speed went (stats/machine_course.py). All of this follows from the plan and the recordings
alone, so that an interrupted sweep goes on as if it had not been.

The times observed here only decide what to measure; the collectors record the measurement.
"""

from collections.abc import Callable, Sequence
from math import inf
from typing import Final

from ...store.plan import BREATH, OpPlan, Plan
from ...store.recording import Failure, PointTiming, Recording
from ...store.scenario import Scenario
from ..budget.budget import NO_BUDGET
from ..host_clock import SYSTEM_CLOCK, Clock
from .adaptive import choose_size, wants_more
from .observations import Observations
from .order import drawn, next_apart
from .repeat import Repeat
from .stopwatch import Stopwatch

MOST_VISITS: Final = 3  # a size whose visits agree has two


class Schedule:
    """The repeats of one operation, in order.

    `recordings` are what an interrupted sweep left: what they measured is not measured again, what
    failed in them is tried again. The sweep sets two times of the monotonic clock: `deadline_s`,
    after which no visit begins, and `choosing_end_s`, before which the second visits of all that
    was chosen must fit; and the `budget`, with which a visit ends.
    """

    def __init__(
        self,
        plan: Plan,
        op_plan: OpPlan,
        scenario_of: Callable[[int], Scenario],
        *,
        recordings: Sequence[Recording] = (),
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.scenario_of = scenario_of
        self.deadline_s = self.choosing_end_s = inf
        self.budget = NO_BUDGET
        self.done = 0
        self._op_plan = op_plan
        self._seed = f"{plan.seed} {op_plan.op}"
        self._max_points = plan.points_per_op if plan.sampling == "adaptive" else 0
        self._is_choosing = True
        self._most_visits = 1
        self._observed = Observations()
        self._stopwatch = Stopwatch(clock)
        for recording in recordings:
            self._recall(recording)
        self._observed.sort()

    @property
    def left_s(self) -> float:
        """Time until the deadline or the end of the budget, in s."""
        return min(self.deadline_s - self._stopwatch.now_s(), self.budget.left_s)

    @property
    def total(self) -> int:
        """Repeats in all if nothing stops the sweep early, and all visits agree."""
        if self._is_choosing and not self._is_sampled:
            sizes = _max_sizes(self._op_plan, self._max_points)
            return max(self.done, 2 * sizes)
        return self.done + self._stopwatch.is_running + len(self._unmeasured()) + self._late_visits

    @property
    def left(self) -> int:
        """First and second visits that are left, of the sizes that are planned or chosen."""
        return self.total - self.done

    @property
    def late_s(self) -> float:
        """Time that the second visits will take, by the mean of those measured so far, in s."""
        return self._late_visits * self._stopwatch.mean_s

    @property
    def fitted_sizes(self) -> list[int]:
        """Measured sizes but those held out or for calibration, ascending; if none, all of them."""
        measured = self._observed.counts
        return sorted(measured.keys() - self._op_plan.reserved or measured)

    @property
    def unmeasured(self) -> list[int]:
        """Planned sizes not measured yet, ascending; after the sweep, for lack of time."""
        return sorted(self._unmeasured())

    @property
    def measured_once(self) -> list[int]:
        """Sizes that lack their second visit, ascending; after the sweep, for lack of time."""
        return sorted(self._waiting_for(1) + self._waiting_for(2))

    def remarks(self) -> list[str]:
        """Sentences about sizes whose visits disagree, and about a machine that was slow."""
        return self._observed.remarks()

    def key(self, repeat: Repeat) -> str:
        """Key of the scenario at a repeat's size."""
        return self.scenario_of(repeat.tokens).key

    def next(self) -> Repeat | None:
        """Take the next repeat, None when there is none or the time is up."""
        repeat = self._next() if self.left_s > 0 else None
        if repeat is not None:
            self._stopwatch.start()
        return repeat

    def _next(self) -> Repeat | None:
        """A size that waits, else one that is chosen."""
        breath = [visit.tokens for visit in self._observed.visits[-BREATH:]]
        if waiting := self._waiting():
            known = self._op_plan.planned | self._observed.sizes
            size: int | None = next_apart(waiting, breath, known)
        else:
            size = self._choose(breath) if self._may_choose() else None
        return None if size is None else self._observed.next_repeat(size)

    def _waiting(self) -> list[int]:
        """Sizes that are to be visited now, in their order: first, second and further visits."""
        if unmeasured := self._unmeasured():
            return unmeasured
        for turn in range(1, self._most_visits + 1):
            if waiting := self._waiting_for(turn):
                return waiting
        return []

    def _unmeasured(self) -> list[int]:
        """Planned sizes that were neither measured nor failed, in their order."""
        open_ = self._op_plan.planned - self._observed.sizes - self._observed.failed
        return drawn(open_, f"{self._seed} 1")

    def _waiting_for(self, turn: int) -> list[int]:
        """Visited sizes that lack a visit of a turn; after the second, where visits disagree."""
        counts, observed = self._observed.counts, self._observed
        lacking = {size for size, count in counts.items() if self._turns(size, count) == turn - 1}
        if turn > 2:
            lacking &= observed.unconfirmed
        return drawn(lacking - observed.failed, f"{self._seed} {turn}")

    def _turns(self, size: int, visits: int) -> int:
        """How many turns so many visits of a size complete."""
        return visits // self._op_plan.visits_a_turn(size)

    def _may_choose(self) -> bool:
        left_s = min(self.deadline_s, self.choosing_end_s) - self._stopwatch.now_s()
        if not self._is_choosing or self._is_sampled or left_s <= self.late_s:
            return False
        return bool(self._spare) or self._wants_more

    @property
    def _wants_more(self) -> bool:
        return wants_more(self._op_plan, self._observed, self._max_points)

    @property
    def _spare(self) -> list[int]:
        """The spare hold-out that is left, in its order; none where no times are taken."""
        if not self._observed.visits:
            return []
        seen = self._observed.sizes | self._observed.failed
        return drawn({*self._op_plan.spare_holdout} - seen, f"{self._seed} spare")

    def _choose(self, breath: Sequence[int]) -> int | None:
        """Choose a size for the fit; of the spare hold-out where the fit needs or can have none."""
        for just_measured in (breath, ()) if self._wants_more else ():
            size = choose_size(self._op_plan, self._observed, just_measured)
            if size is not None:
                return size
        spare = self._spare
        return next_apart(spare, breath, self._observed.sizes | {*spare}) if spare else None

    @property
    def _is_sampled(self) -> bool:
        """Whether second visits have begun, after which no size is chosen any more."""
        counts = self._observed.counts
        return any(count > self._op_plan.visits_a_turn(size) for size, count in counts.items())

    @property
    def _late_visits(self) -> int:
        """Second visits that are left."""
        counts, a_turn = self._observed.counts, self._op_plan.visits_a_turn
        return sum(2 * a_turn(size) - counts[size] for size in self.measured_once)

    def measured(self, repeat: Repeat, timing: PointTiming) -> None:
        """Add the times of a repeat."""
        self._count()
        self._observed.add(repeat, timing)

    def failed(self, repeat: Repeat, reason: str) -> Failure:
        """Add a repeat that failed: its size is not measured again."""
        self._count()
        self._observed.failed.add(repeat.tokens)
        return Failure(self.key(repeat), repeat.number, reason)

    def give_up(self, reason: str) -> list[Failure]:
        """Fail every planned size not measured yet, for one reason; `next` then returns None."""
        unmeasured = self._unmeasured()
        self.deadline_s = -inf
        return [self.failed(Repeat(size, 0), reason) for size in unmeasured]

    def end_sampling(self) -> None:
        """End the first turn: choose no more sizes."""
        self._is_choosing = False

    def turn_late(self, most_visits: int, deadline_s: float) -> None:
        """Begin a late turn, which lasts until another deadline.

        A size gets `most_visits` in all: two, or more where they disagree.
        """
        self._most_visits = most_visits
        self.deadline_s = deadline_s

    def _count(self) -> None:
        self.done += 1
        self._stopwatch.stop()

    def _recall(self, recording: Recording) -> None:
        """Add what a recording measured."""
        sizes = {scenario.key: scenario.tokens for scenario in recording.scenarios}
        for timing in recording.served:
            self._observed.add(Repeat(sizes[timing.scenario_key], timing.visit), timing)
            self.done += 1


def _max_sizes(op_plan: OpPlan, max_points: int) -> int:
    """Sizes of an operation that are measured at most."""
    reserved = len(op_plan.reserved)
    adaptive = max(0, max_points - len(op_plan.first))
    unmeasured = max(0, len(op_plan.domain) - len(op_plan.first) - reserved)
    return len(op_plan.first) + reserved + min(adaptive, unmeasured)
