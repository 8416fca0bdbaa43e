"""Isolated scripts as processes that are asked for one point after the other.

A point that hangs or crashes is recorded as failed with its reason, and a new process goes on with
the next one.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from pydantic import TypeAdapter

from ..store.plan import OpPlan, Plan
from ..store.provenance import Provenance
from ..store.recording import Failure, Load, Recording, Served, sha256_of
from ..store.run import Run
from .process import LineServer, ProcessEnded, kill
from .schedule.schedule import Agenda, Visit

Outcome = Served | Failure

START_S: Final = 180.0  # torch and its CUDA context, from a cold disk
FINISH_S: Final = 180.0  # a profiler writes its report when the script ends
FRUITLESS_SESSIONS: Final = 3

_SERVED = TypeAdapter(Served)


@dataclass(frozen=True, slots=True)
class Job:
    """One operation to be measured by one collector.

    `on_point` is told of each visit before it is measured.
    """

    run: Run
    plan: Plan
    op_plan: OpPlan
    agenda: Agenda
    provenance: Provenance
    on_point: Callable[[Visit], None]

    def script(self, *arguments: str) -> list[str]:
        """Command that runs the operation's isolated script."""
        return [sys.executable, str(self.run.script(self.op_plan.op)), *arguments]


@dataclass(slots=True)
class Session:
    """One process of an isolated script, from its first visit to its end."""

    job: Job
    command: list[str]
    first: Visit
    fruitless_before: int
    outcomes: list[Outcome] = field(default_factory=list)
    exit_code: int | None = None
    started_utc_ns: int = field(default_factory=time.time_ns)

    def run(self) -> Iterator[Outcome]:
        """Run the process; yield what became of each visit as soon as it is known."""
        for outcome in self._serve():
            self.outcomes.append(outcome)
            yield outcome

    def _serve(self) -> Iterator[Outcome]:
        agenda = self.job.agenda
        self.job.on_point(self.first)
        with LineServer(self.command) as server:
            try:
                script_pid = json.loads(server.answer(START_S))["pid"]
            except ProcessEnded as end:
                reason = f"the script does not start: {end}"
                yield agenda.failed(self.first, reason)
                yield from agenda.give_up(reason)
                return
            visit: Visit | None = self.first
            while visit is not None:
                try:
                    yield self._ask(server, visit)
                except ProcessEnded as end:
                    yield agenda.failed(visit, str(end))
                    kill(script_pid)  # the script alone: a profiler around it still reports
                    if self.fruitless == FRUITLESS_SESSIONS:
                        reason = f"{FRUITLESS_SESSIONS} processes in a row measured nothing"
                        yield from agenda.give_up(reason)
                    break
                visit = self._next()
            self.exit_code = server.finish(FINISH_S)

    @property
    def fruitless(self) -> int:
        """Sessions in a row, up to and with this one, that measured nothing."""
        measured = any(isinstance(outcome, Served) for outcome in self.outcomes)
        return 0 if measured else self.fruitless_before + 1

    def _next(self) -> Visit | None:
        if self.job.plan.isolation == "point":
            return None
        visit = self.job.agenda.next()
        if visit is not None:
            self.job.on_point(visit)
        return visit

    def _ask(self, server: LineServer, visit: Visit) -> Outcome:
        """Ask for one visit. Raises ProcessEnded where the process gives no answer."""
        request = f"{visit.tokens} {visit.number}"
        answer = json.loads(server.ask(request, self.job.plan.point_timeout_s))
        if "error" in answer:
            return self.job.agenda.failed(visit, answer["error"])
        served = _SERVED.validate_python(answer)
        self.job.agenda.measured(visit, served)
        return served


def sessions(job: Job, command_of: Callable[[Visit], list[str]]) -> Iterator[Session]:
    """Give one session after the other until the agenda has nothing left.

    `command_of` gives the command of the session that begins with a visit. The caller runs each
    session to its end before it takes the next. After three sessions in a row that measured
    nothing the rest of the operation is given up.
    """
    fruitless = 0
    while (first := job.agenda.next()) is not None:
        session = Session(job, command_of(first), first, fruitless)
        yield session
        fruitless = session.fruitless


@dataclass(frozen=True, slots=True)
class Tool:
    """What took the measurement: a name and a version."""

    name: str
    version: str


class Process(Protocol):
    """What a recording says of the process that it is of."""

    @property
    def job(self) -> Job:
        """What it measures."""
        ...

    @property
    def command(self) -> list[str]:
        """What was run."""
        ...

    @property
    def exit_code(self) -> int | None:
        """How it ended, None where it did not yet."""
        ...

    @property
    def started_utc_ns(self) -> int:
        """When it began."""
        ...


def record(
    process: Process,
    outcomes: Sequence[Outcome | Load],
    *,
    collector: str,
    unit: str,
    tool: Tool,
    files: Sequence[str] = (),
    warnings: Sequence[str] = (),
) -> Recording:
    """Describe what a process left of some of its visits; `files` lie in the unit's folder."""
    job = process.job
    keys = {outcome.scenario_key for outcome in outcomes}
    scenarios = (job.agenda.scenario_of(size) for size in job.op_plan.domain)
    folder = job.run.unit(collector, unit)
    return Recording(
        unit=unit,
        op=job.op_plan.op,
        collector=collector,
        tool=tool.name,
        tool_version=tool.version,
        command=_portable(process.command, job.run),
        exit_code=process.exit_code,
        started_utc_ns=process.started_utc_ns,
        ended_utc_ns=time.time_ns(),
        scenarios=tuple(scenario for scenario in scenarios if scenario.key in keys),
        served=tuple(outcome for outcome in outcomes if isinstance(outcome, Served)),
        failures=tuple(outcome for outcome in outcomes if isinstance(outcome, Failure)),
        warnings=tuple(warnings),
        files={name: sha256_of(folder / name) for name in files},
        provenance=job.provenance,
        loads=tuple(outcome for outcome in outcomes if isinstance(outcome, Load)),
    )


def _portable(command: Sequence[str], run: Run) -> tuple[str, ...]:
    """Rewrite a command so that no path of this machine is in it."""
    programs = {command[0]: Path(command[0]).name, sys.executable: "python"}
    return tuple(programs.get(word, word.replace(f"{run.folder}/", "")) for word in command)
