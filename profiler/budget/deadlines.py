"""When the parts of a sweep have to end: times first, then power, then the thermal response."""

from dataclasses import dataclass
from math import inf
from typing import Self

from ...scenarios.plan import RUN_S, estimate_power_s, response_s
from ...store.plan import Plan
from ...store.recorded.held import Recordings
from ..host_clock import Clock, monotonic_s
from .budget import Budget


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Ends of the parts of one sweep of a plan; all times are of the monotonic clock, in s.

    The power pass ends at `power_end_s`. Its time, and half of all at most, is not taken by
    `timing`.
    """

    plan: Plan
    clock: Clock
    timing: Budget
    power_end_s: float

    @classmethod
    def from_now(cls, plan: Plan, clock: Clock) -> Self:
        """Deadlines of a sweep that begins now; without an end where the plan has no budget."""
        budget_s = (inf if plan.budget_s is None else plan.budget_s) - response_s(plan)
        power_end_s = monotonic_s(clock) + budget_s
        timing_end_s = power_end_s - min(estimate_power_s(plan), budget_s / 2)
        return cls(plan, clock, Budget(timing_end_s, clock), power_end_s)

    def share_end_s(self, turns: int, kept_s: float = 0.0) -> float:
        """End of the next of some turns, which share the time for timing evenly, less `kept_s`."""
        now_s = monotonic_s(self.clock)
        return now_s + (self.timing.end_s - kept_s - now_s) / turns

    def planned_end_s(self, held: Recordings) -> float:
        """Planned end of the power pass of a run, counted from the first recording that it holds.

        A run without a budget is planned for ten minutes, so one that is resumed later has no time
        left. The thermal response comes after that end.
        """
        began_utc_ns = min(one.started_utc_ns for _, one in held)
        age_s = (self.clock.epoch_ns() - began_utc_ns) / 1e9
        whole_s = RUN_S if self.plan.budget_s is None else self.plan.budget_s
        planned_s = monotonic_s(self.clock) - age_s + whole_s - response_s(self.plan)
        return min(self.power_end_s, planned_s)
