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
from ..store.recording import Failure, Load, PointTiming, Recording, sha256_of
from ..store.run import Run
from .process import LineServer, ProcessEnded, kill
from .schedule.schedule import Repeat, Schedule

Outcome = PointTiming | Failure

START_S: Final = 180.0  # torch and its CUDA context, from a cold disk
FINISH_S: Final = 180.0  # a profiler writes its report when the script ends
MAX_EMPTY_SESSIONS: Final = 3

_SERVED = TypeAdapter(PointTiming)


@dataclass(frozen=True, slots=True)
class Job:
    """One operation to be measured by one collector.

    `on_point` is told of each visit before it is measured.
    """

    run: Run
    plan: Plan
    op_plan: OpPlan
    schedule: Schedule
    provenance: Provenance
    on_point: Callable[[Repeat], None]

    def script(self, *arguments: str) -> list[str]:
        """Command that runs the operation's isolated script."""
        return [sys.executable, str(self.run.script(self.op_plan.op)), *arguments]


@dataclass(slots=True)
class Session:
    """One process of an isolated script, from its first visit to its end."""

    job: Job
    command: list[str]
    first: Repeat
    no_result_before: int
    outcomes: list[Outcome] = field(default_factory=list)
    exit_code: int | None = None
    started_utc_ns: int = field(default_factory=time.time_ns)

    def run(self) -> Iterator[Outcome]:
        """Run the process; yield what became of each visit as soon as it is known."""
        for outcome in self._serve():
            self.outcomes.append(outcome)
            yield outcome

    def _serve(self) -> Iterator[Outcome]:
        schedule = self.job.schedule
        self.job.on_point(self.first)
        with LineServer(self.command) as server:
            try:
                script_pid = json.loads(server.answer(START_S))["pid"]
            except ProcessEnded as end:
                reason = f"the script does not start: {end}"
                yield schedule.failed(self.first, reason)
                yield from schedule.give_up(reason)
                return
            visit: Repeat | None = self.first
            while visit is not None:
                try:
                    yield self._ask(server, visit)
                except ProcessEnded as end:
                    yield schedule.failed(visit, str(end))
                    kill(script_pid)  # the script alone: a profiler around it still reports
                    if self.no_result == MAX_EMPTY_SESSIONS:
                        reason = f"{MAX_EMPTY_SESSIONS} processes in a row measured nothing"
                        yield from schedule.give_up(reason)
                    break
                visit = self._next()
            self.exit_code = server.finish(FINISH_S)

    @property
    def no_result(self) -> int:
        """Sessions in a row, up to and with this one, that measured nothing."""
        measured = any(isinstance(outcome, PointTiming) for outcome in self.outcomes)
        return 0 if measured else self.no_result_before + 1

    def _next(self) -> Repeat | None:
        if self.job.plan.isolation == "point":
            return None
        visit = self.job.schedule.next()
        if visit is not None:
            self.job.on_point(visit)
        return visit

    def _ask(self, server: LineServer, visit: Repeat) -> Outcome:
        """Ask for one visit. Raises ProcessEnded where the process gives no answer."""
        request = f"{visit.tokens} {visit.number}"
        answer = json.loads(server.ask(request, self.job.plan.point_timeout_s))
        if "error" in answer:
            return self.job.schedule.failed(visit, answer["error"])
        served = _SERVED.validate_python(answer)
        self.job.schedule.measured(visit, served)
        return served


def sessions(job: Job, command_of: Callable[[Repeat], list[str]]) -> Iterator[Session]:
    """Give one session after the other until the agenda has nothing left.

    `command_of` gives the command of the session that begins with a visit. The caller runs each
    session to its end before it takes the next. After three sessions in a row that measured
    nothing the rest of the operation is given up.
    """
    no_result = 0
    while (first := job.schedule.next()) is not None:
        session = Session(job, command_of(first), first, no_result)
        yield session
        no_result = session.no_result


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
    scenarios = (job.schedule.scenario_of(size) for size in job.op_plan.domain)
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
        served=tuple(outcome for outcome in outcomes if isinstance(outcome, PointTiming)),
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
