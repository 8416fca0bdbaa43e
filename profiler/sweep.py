"""A sweep: each operation of a plan under each of its collectors, within the budget.

A sweep that was killed goes on where it stopped: what its recordings hold is not measured again.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from ..scenarios.plan import RUN_S, estimate_power_s, planned_loads, response_s
from ..store.document import read_document, write_document
from ..store.errors import BadInput
from ..store.plan import Plan
from ..store.provenance import Provenance
from ..store.recording import CollectorName, Failure, Recording
from ..store.run import Run
from ..store.scenario import Scenario
from .collectors.collector import Collector
from .lock import exclusive_lock
from .power.power_pass import Held, PowerJob, least_known_first, measured_visits, power_job
from .power.sensors import OpenRecorder, meter
from .power.thermal_response import Step, finished_response, hottest
from .schedule.schedule import Repeat, Schedule
from .worker import Job

ScenarioOf = Callable[[int], Scenario]


class Progress(Protocol):
    """Is told how a sweep gets on. `total` may shrink: sampling ends early when time is up."""

    def point(self, collector: str, op: str, tokens: int, done: int, total: int) -> None:
        """Hear that a point is about to be measured, after `done` of `total`."""
        ...

    def end(self, done: int) -> None:
        """Hear that there is nothing more to measure."""
        ...


@dataclass(slots=True)
class OpSummary:
    """What became of one operation under one collector in this sweep."""

    op: str
    collector: str
    measured: int = 0
    recalled: int = 0
    failures: list[Failure] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    unmeasured: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sweep:
    """Everything that a sweep needs: the run folder holds the plan and the scripts already."""

    run: Run
    plan: Plan
    provenance: Provenance
    scenarios: Mapping[str, ScenarioOf]
    collectors: Mapping[str, Collector]
    progress: Progress
    meter: OpenRecorder = meter

    def measure(self) -> list[OpSummary]:
        """Measure what the run does not hold yet; return what became of each operation.

        Raises BadInput where the run was begun on another machine, or where another sweep is
        measuring the same GPU.
        """
        self._check_machine()
        with exclusive_lock(self.provenance, self.run):
            step = finished_response(self.run.recordings()) if self.plan.thermal_step else None
            if step is None:
                return self._measure()
            rest = replace(self, plan=replace(self.plan, thermal_step=False))
            return [*rest._measure(), OpSummary(step.op, CollectorName.THERMAL, recalled=1)]

    def _check_machine(self) -> None:
        path = self.run.provenance_path
        if not path.exists():
            write_document(path, self.provenance)
            return
        before = read_document(path, Provenance)
        if before.machine != self.provenance.machine:
            raise BadInput(
                f"{self.run.folder} was measured on {before.machine}, and this is"
                f" {self.provenance.machine}: one run holds one machine",
                hint="resume it there, or profile anew without --resume",
            )

    def _measure(self) -> list[OpSummary]:
        """Take each operation's turn; then each once more, for its late visits, in a new process.

        Minutes later and in another process they show what the same breath would not.
        """
        jobs = self._jobs()
        summaries = [
            OpSummary(job.op_plan.op, name, recalled=job.schedule.done) for name, job in jobs
        ]
        budget_s = float("inf") if self.plan.budget_s is None else self.plan.budget_s
        budget_s -= response_s(self.plan)
        whole_end_s = time.monotonic() + budget_s
        end_s = whole_end_s - min(estimate_power_s(self.plan), budget_s / 2)
        late_s = 0.0
        for index, (turn, summary) in enumerate(zip(jobs, summaries, strict=True)):
            schedule, now_s = turn[1].schedule, time.monotonic()
            schedule.deadline_s = now_s + (end_s - late_s - now_s) / (len(jobs) - index)
            self._collect(turn, summary)
            schedule.end_sampling()
            late_s += schedule.late_s
        for index, (turn, summary) in enumerate(zip(jobs, summaries, strict=True)):
            now_s = time.monotonic()
            turn[1].schedule.turn_late(now_s + (end_s - now_s) / (len(jobs) - index))
            self._collect(turn, summary)
        done = sum(job.schedule.done for _, job in jobs)
        loaded, loads = self._measure_power(jobs, done, whole_end_s)
        stepped = self._take_step([job for _, job in jobs], done + loads)
        self.progress.end(done + loads + int(response_s(self.plan)))
        return summaries + loaded + stepped

    def _measure_power(
        self, jobs: list[tuple[str, Job]], done: int, end_s: float
    ) -> tuple[list[OpSummary], int]:
        """Hold the anchors of each operation that was timed under load, block by block.

        Also counts the loads that were held, now or before.
        """
        turns: list[PowerJob] = []
        power, held = self.plan.power, self.run.recordings()
        for name, job in jobs:
            if power is not None and name != CollectorName.NCU:
                told = partial(self._tell_power, job.op_plan.op, turns, done)
                turns.append(power_job(job, power, held, told))
        summaries = [
            OpSummary(turn.op, CollectorName.POWER, recalled=turn.recalled) for turn in turns
        ]
        for number in range(0 if power is None else power.blocks):
            for turn, summary in zip(turns, summaries, strict=True):
                for recording in turn.collect(number, self.meter, end_s):
                    self._keep(recording, summary)
                summary.unmeasured = sorted(turn.left)
        reserved = [turn for turn in turns if turn.spare]
        if reserved:
            held = self.run.recordings()
            end_s, of_op = min(end_s, self._planned_end_s(held)), {one.op: one for one in summaries}
            for turn in least_known_first(reserved, held):
                for recording in turn.collect_spare(self.meter, end_s):
                    self._keep(recording, of_op[turn.op])
        return summaries, sum(turn.loads - turn.waiting for turn in turns)

    def _planned_end_s(self, held: Held) -> float:
        """When the run was to end that began with its first recording, `time.monotonic`'s seconds.

        Without a budget that is ten minutes after; a run that is resumed later has no time left.
        """
        began_utc_ns = min(one.started_utc_ns for _, one in held)
        age_s = (time.time_ns() - began_utc_ns) / 1e9
        whole_s = RUN_S if self.plan.budget_s is None else self.plan.budget_s
        return time.monotonic() - age_s + whole_s - response_s(self.plan)

    def _take_step(self, jobs: list[Job], done: int) -> list[OpSummary]:
        """Record the thermal step where the plan has one, and anything was timed."""
        found = hottest(jobs, self.run.recordings()) if self.plan.thermal_step else None
        if found is None:
            return []
        job, tokens = found
        op, total = job.op_plan.op, done + int(response_s(self.plan))
        summary = OpSummary(op, CollectorName.THERMAL)

        def tell(seconds: int) -> None:
            self.progress.point(CollectorName.THERMAL, f"{op} step", tokens, done + seconds, total)

        self._keep(Step(job, tokens, self.meter, tell).record(), summary)
        return [summary]

    def _jobs(self) -> list[tuple[str, Job]]:
        """Each operation under each collector, in the order of their turns."""
        held = [recording for _, recording in self.run.recordings()]
        jobs: list[tuple[str, Job]] = []
        schedules: list[Schedule] = []
        for name in self.plan.collectors:
            for op_plan in self.plan.ops:
                mine = [one for one in held if (one.collector, one.op) == (name, op_plan.op)]
                scenario_of = self.scenarios[op_plan.op]
                schedules.append(Schedule(self.plan, op_plan, scenario_of, recordings=mine))
                told = partial(self._tell, name, op_plan.op, schedules)
                job = Job(self.run, self.plan, op_plan, schedules[-1], self.provenance, told)
                jobs.append((name, job))
        return jobs

    def _collect(self, turn: tuple[str, Job], summary: OpSummary) -> None:
        name, job = turn
        for recording in self.collectors[name].collect(job):
            self._keep(recording, summary)
        summary.unmeasured = job.schedule.unmeasured

    def _keep(self, recording: Recording, summary: OpSummary) -> None:
        self.run.keep(recording)
        summary.measured += len(recording.served) + len(measured_visits(recording))
        summary.failures += recording.failures
        summary.warnings += recording.warnings

    def _tell(self, collector: str, op: str, schedules: list[Schedule], visit: Repeat) -> None:
        done = sum(schedule.done for schedule in schedules)
        total = sum(schedule.total for schedule in schedules) + planned_loads(self.plan)
        self._tell_point(collector, op, visit, done, total)

    def _tell_power(self, op: str, turns: list[PowerJob], before: int, visit: Repeat) -> None:
        total = sum(turn.loads for turn in turns)
        waiting = sum(turn.waiting for turn in turns)
        self._tell_point(CollectorName.POWER, op, visit, before + total - waiting, before + total)

    def _tell_point(self, collector: str, op: str, visit: Repeat, done: int, total: int) -> None:
        """Tell of a point; a second of the thermal step to come counts for one, as it takes one."""
        self.progress.point(collector, op, visit.tokens, done, total + int(response_s(self.plan)))
