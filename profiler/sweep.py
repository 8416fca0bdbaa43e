"""A sweep: each operation of a plan under each of its collectors, within the budget.

A sweep that was interrupted is resumed: what the run's recordings hold is not measured again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from ..device.findings import passing
from ..scenarios.duration import START_S
from ..scenarios.plan import planned_loads, response_s
from ..store.disk.temporary import remove_abandoned_below
from ..store.plan import OpPlan, Plan
from ..store.provenance import Provenance
from ..store.recording import CollectorName, Recording
from ..store.run import Run
from ..store.scenario import Scenario
from .budget.deadlines import Deadlines
from .collectors.collector import Collector
from .host_clock import SYSTEM_CLOCK, Clock
from .job import Job
from .machine import keep_machine
from .power.power_pass import PowerJob, measured_loads, power_job, run_planned, run_spare
from .power.sensors import OpenRecorder, open_recorder
from .power.thermal_response import ThermalResponse, finished_response, hottest
from .schedule import schedule as schedules
from .schedule.op_summary import OpSummary
from .schedule.repeat import Repeat
from .schedule.schedule import Schedule
from .watch import NO_WATCH, Watch

ScenarioOf = Callable[[int], Scenario]


class Progress(Protocol):
    """Is called as a sweep gets on. `total` may shrink: sampling ends early when time is up."""

    def point(self, collector: str, op: str, tokens: int, done: int, total: int) -> None:
        """Take note that a point is about to be measured, after `done` of `total`."""
        ...

    def warning(self, text: str) -> None:
        """Take note of what the run lacks, or what is damaged and is measured anew."""
        ...

    def end(self, done: int, total: int) -> None:
        """Take note that nothing more is measured, after `done` of `total`."""
        ...


@dataclass(frozen=True, slots=True)
class _Turn:
    """One operation under one collector, with its summary so far."""

    collector: Collector
    job: Job
    summary: OpSummary


@dataclass(frozen=True, slots=True)
class Sweep:
    """Everything that a sweep needs: the run folder holds the plan and the scripts already.

    The caller holds the locks (profiler/lock.py), whose descriptors `kept_fds` stay open in every
    process that measures. `watch` sees what goes on beside them.
    """

    run: Run
    plan: Plan
    provenance: Provenance
    scenarios: Mapping[str, ScenarioOf]
    collectors: Mapping[str, Collector]
    progress: Progress
    open_recorder: OpenRecorder = open_recorder
    clock: Clock = SYSTEM_CLOCK
    kept_fds: tuple[int, ...] = ()
    watch: Watch = NO_WATCH

    def measure(self) -> list[OpSummary]:
        """Measure what the run does not hold yet; return what became of each operation.

        Raises BadInput where the run was begun on another machine.
        """
        keep_machine(self.run, self.provenance)
        self._set_aside_damaged()
        held = finished_response(self.run.recordings()) if self.plan.thermal_step else None
        if held is None:
            return self._measure()
        rest = replace(self, plan=replace(self.plan, thermal_step=False))
        return [*rest._measure(), OpSummary(held.op, CollectorName.THERMAL, recalled=1)]

    def _set_aside_damaged(self) -> None:
        """Clean up after killed processes; let what is damaged be measured anew."""
        remove_abandoned_below(self.run.folder)
        held = self.run.held(raw_files=True)
        for remark in held.remarks:
            self.progress.warning(remark)
        for damaged in held.left_out:
            kept = self.run.set_aside(damaged.folder)
            self.progress.warning(f"{damaged.why.message}: set aside as {kept}, measured anew")

    def _measure(self) -> list[OpSummary]:
        """Take all times turn by turn, then the power, then the thermal response."""
        turns = self._turns()
        deadlines = Deadlines.from_now(self.plan, self.clock)
        self._first_turns(turns, deadlines)
        for most_visits in range(2, schedules.MOST_VISITS + 1):
            self._late_turns(turns, most_visits, deadlines)
        for turn in turns:
            turn.summary.warnings += turn.job.schedule.remarks()
            turn.summary.measured_once = turn.job.schedule.measured_once
        timed = sum(turn.job.schedule.done for turn in turns)
        power_jobs = self._power_jobs(turns, timed)
        power = self._power_pass(power_jobs, deadlines)
        done = timed + sum(one.loads - one.waiting for one in power_jobs)
        response = self._thermal_response(turns, done)
        left = sum(turn.job.schedule.left for turn in turns)
        left += sum(one.waiting for one in power_jobs)
        done += self._response_points
        self.progress.end(done, done + left)
        return [*(turn.summary for turn in turns), *power, *response]

    # Times.

    def _turns(self) -> list[_Turn]:
        """Each operation under each collector, in the order of their turns."""
        held = [recording for _, recording in self.run.recordings()]
        turns: list[_Turn] = []
        for name in self.plan.collectors:
            for op_plan in self.plan.ops:
                mine = [one for one in held if (one.collector, one.op) == (name, op_plan.op)]
                report = partial(self._report_timing, name, op_plan.op, turns)
                job = self._job(op_plan, mine, report)
                summary = OpSummary(op_plan.op, name, recalled=job.schedule.done)
                turns.append(_Turn(self.collectors[name], job, summary))
        return turns

    def _job(
        self, op_plan: OpPlan, held: Sequence[Recording], report: Callable[[Repeat], None]
    ) -> Job:
        schedule = Schedule(
            self.plan,
            op_plan,
            self.scenarios[op_plan.op],
            recordings=held,
            clock=self.clock,
        )
        return Job(
            self.run,
            self.plan,
            op_plan,
            schedule,
            self.provenance,
            report,
            self.clock,
            self.kept_fds,
            self.watch,
        )

    def _first_turns(self, turns: Sequence[_Turn], deadlines: Deadlines) -> None:
        """Share the time evenly; sizes are chosen while all second visits still have time."""
        late_s = 0.0
        for index, turn in enumerate(turns):
            schedule = turn.job.schedule
            schedule.budget = deadlines.timing
            schedule.deadline_s = deadlines.share_end_s(len(turns) - index)
            schedule.choosing_end_s = deadlines.share_end_s(len(turns) - index, late_s)
            self._collect(turn)
            schedule.end_sampling()
            late_s += schedule.late_s

    def _late_turns(self, turns: Sequence[_Turn], most_visits: int, deadlines: Deadlines) -> None:
        """Take each operation up again, some minutes later and in a new process."""
        for index, turn in enumerate(turns):
            schedule = turn.job.schedule
            schedule.turn_late(most_visits, deadlines.share_end_s(len(turns) - index))
            if schedule.left_s > START_S:
                self._collect(turn)

    def _collect(self, turn: _Turn) -> None:
        self._keep(turn.collector.collect(turn.job), turn.summary)
        turn.summary.unmeasured = turn.job.schedule.unmeasured

    def _keep(self, recordings: Iterable[Recording], summary: OpSummary) -> None:
        """Keep each recording as soon as it is made, and count what is in it."""
        for recording in recordings:
            self.run.keep(recording)
            summary.measured += len(recording.served) + len(measured_loads(recording))
            summary.disturbed += sum(bool(passing(one)) for one in recording.surroundings)
            summary.failures += recording.failures
            summary.warnings += recording.warnings

    # Power.

    def _power_jobs(self, turns: Sequence[_Turn], timed: int) -> list[PowerJob]:
        """The loads of each operation that was timed."""
        if self.plan.power is None:
            return []
        held = self.run.recordings()
        power_jobs: list[PowerJob] = []
        for turn in turns:
            if turn.summary.collector != CollectorName.NCU:
                report = partial(self._report_load, turn.summary.op, power_jobs, timed)
                power_jobs.append(power_job(turn.job, self.open_recorder, held, report))
        return power_jobs

    def _power_pass(self, power_jobs: Sequence[PowerJob], deadlines: Deadlines) -> list[OpSummary]:
        """Run the planned blocks, then the spare ones for which there is time."""
        summaries = {
            job.op: OpSummary(job.op, CollectorName.POWER, recalled=job.recalled)
            for job in power_jobs
        }
        blocks = 0 if self.plan.power is None else self.plan.power.blocks
        for recording in run_planned(power_jobs, blocks, deadlines.power_end_s):
            self._keep([recording], summaries[recording.op])
        for job in power_jobs:
            summaries[job.op].unmeasured = sorted(job.left)
        if any(job.spare for job in power_jobs):
            held = self.run.recordings()
            for recording in run_spare(power_jobs, held, deadlines.planned_end_s(held)):
                self._keep([recording], summaries[recording.op])
        return list(summaries.values())

    # Heat.

    def _thermal_response(self, turns: Sequence[_Turn], done: int) -> list[OpSummary]:
        """Record the thermal response where the plan has one, and anything was timed."""
        if not self.plan.thermal_step:
            return []
        found = hottest([turn.job for turn in turns], self.run.recordings())
        if found is None:
            return []
        job, tokens = found
        summary = OpSummary(job.op_plan.op, CollectorName.THERMAL)

        def report(seconds: int) -> None:
            self._report(f"{summary.op} step", summary.collector, tokens, done + seconds, done)

        self._keep([ThermalResponse(job, tokens, self.open_recorder, report).record()], summary)
        return [summary]

    # Progress.

    @property
    def _response_points(self) -> int:
        """Points that the thermal response counts as: one a second."""
        return int(response_s(self.plan))

    def _report_timing(
        self, collector: str, op: str, turns: Sequence[_Turn], repeat: Repeat
    ) -> None:
        schedules = [turn.job.schedule for turn in turns]
        done = sum(schedule.done for schedule in schedules)
        total = sum(schedule.total for schedule in schedules) + planned_loads(self.plan)
        self._report(op, collector, repeat.tokens, done, total)

    def _report_load(
        self, op: str, power_jobs: Sequence[PowerJob], timed: int, repeat: Repeat
    ) -> None:
        loads = sum(job.loads for job in power_jobs)
        waiting = sum(job.waiting for job in power_jobs)
        done, total = timed + loads - waiting, timed + loads
        self._report(op, CollectorName.POWER, repeat.tokens, done, total)

    def _report(self, op: str, collector: str, tokens: int, done: int, total: int) -> None:
        self.progress.point(collector, op, tokens, done, total + self._response_points)
