"""A sweep: each operation of a plan under each of its collectors, within the budget.

A sweep that was killed goes on where it stopped: what its recordings hold is not measured again.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from ..store.document import read_document, write_document
from ..store.errors import BadInput
from ..store.plan import OpPlan, Plan
from ..store.provenance import Provenance
from ..store.recording import Failure, Recording
from ..store.run import Run
from ..store.scenario import Scenario
from .agenda import Agenda, Visit
from .collector import Collector
from .lock import sole_use
from .serving import Job

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

    def measure(self) -> list[OpSummary]:
        """Measure what the run does not hold yet; return what became of each operation.

        Raises BadInput where the run was begun on another machine, or where another sweep is
        measuring the same GPU.
        """
        self._check_machine()
        with sole_use(self.provenance):
            return self._measure()

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
        held = [recording for _, recording in self.run.recordings()]
        turns = [(name, op_plan) for name in self.plan.collectors for op_plan in self.plan.ops]
        agendas = [self._agenda(name, op_plan, held) for name, op_plan in turns]
        budget_s = float("inf") if self.plan.budget_s is None else self.plan.budget_s
        end_s = time.monotonic() + budget_s
        summaries = []
        for index, ((name, op_plan), agenda) in enumerate(zip(turns, agendas, strict=True)):
            now_s = time.monotonic()
            agenda.deadline_s = now_s + (end_s - now_s) / (len(turns) - index)
            told = partial(self._tell, name, op_plan.op, agendas)
            job = Job(self.run, self.plan, op_plan, agenda, self.provenance, told)
            summaries.append(self._measure_op(job, self.collectors[name]))
            agenda.close()
        self.progress.end(sum(agenda.done for agenda in agendas))
        return summaries

    def _agenda(self, collector: str, op_plan: OpPlan, held: list[Recording]) -> Agenda:
        mine = [one for one in held if (one.collector, one.op) == (collector, op_plan.op)]
        return Agenda(self.plan, op_plan, self.scenarios[op_plan.op], recordings=mine)

    def _measure_op(self, job: Job, collector: Collector) -> OpSummary:
        summary = OpSummary(job.op_plan.op, collector.name, recalled=job.agenda.done)
        for recording in collector.collect(job):
            self.run.keep(recording)
            summary.measured += len(recording.served)
            summary.failures += recording.failures
            summary.warnings += recording.warnings
        summary.unmeasured = job.agenda.unmeasured
        return summary

    def _tell(self, collector: str, op: str, agendas: list[Agenda], visit: Visit) -> None:
        done = sum(agenda.done for agenda in agendas)
        total = sum(agenda.total for agenda in agendas)
        self.progress.point(collector, op, visit.tokens, done, total)
