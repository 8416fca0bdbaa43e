"""Worker processes: an isolated script times one size after the other, at a schedule's request.

A size at which the script hangs or crashes is recorded as failed with the reason, and a new
process goes on with the next size.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from ..store.recording import PointTiming
from .job import Job
from .log_file import new_log
from .process.line_process import ProcessEnded
from .record import Outcome
from .schedule.repeat import Repeat
from .script_client import Refused, ScriptClient

MAX_EMPTY_SESSIONS: Final = 3
NOTHING_MEASURED: Final = f"{MAX_EMPTY_SESSIONS} processes in a row measured nothing"


@dataclass(slots=True)
class Session:
    """One worker process, from its first size to its end.

    `empty_before` counts the sessions in a row before this one that measured nothing.
    """

    job: Job
    command: list[str]
    first: Repeat
    empty_before: int
    outcomes: list[Outcome] = field(default_factory=list)
    exit_code: int | None = None
    started_utc_ns: int = field(init=False)

    def __post_init__(self) -> None:
        self.started_utc_ns = self.job.clock.epoch_ns()

    @property
    def empty(self) -> int:
        """Sessions in a row, up to and with this one, that measured nothing."""
        measured = any(isinstance(outcome, PointTiming) for outcome in self.outcomes)
        return 0 if measured else self.empty_before + 1

    def run(self) -> Iterator[Outcome]:
        """Run the process to its end; yield the outcome of each repeat as soon as it is known."""
        for outcome in self._run():
            self.outcomes.append(outcome)
            yield outcome

    def _run(self) -> Iterator[Outcome]:
        """Run the process; where its script does not start, give the whole operation up."""
        self.job.on_point(self.first)
        limit_s = self.job.plan.point_timeout_s
        log = new_log(self.job.run, self.job.op_plan.op)
        with ScriptClient(self.command, limit_s, self.job.kept_fds, log) as script:
            try:
                script.start()
            except ProcessEnded as end:
                reason = f"the script does not start: {end}"
                yield self.job.schedule.failed(self.first, reason)
                yield from self.job.schedule.give_up(reason)
                return
            yield from self._time_all(script)
            self.exit_code = script.finish()

    def _time_all(self, script: ScriptClient) -> Iterator[Outcome]:
        """Time what the schedule asks for, until it has no more or the process ends."""
        schedule = self.job.schedule
        repeat: Repeat | None = self.first
        while repeat is not None:
            try:
                yield self._time(script, repeat)
            except ProcessEnded as end:
                yield schedule.failed(repeat, str(end))
                script.kill()
                if self.empty == MAX_EMPTY_SESSIONS:
                    yield from schedule.give_up(NOTHING_MEASURED)
                return
            repeat = self._next()

    def _time(self, script: ScriptClient, repeat: Repeat) -> Outcome:
        """Time one size. Raises ProcessEnded where the process gives no answer."""
        try:
            key = self.job.schedule.key(repeat)
            look = self.job.watch.begin(script.processes)
            timing = script.time(repeat.tokens, repeat.number, key)
        except Refused as refusal:
            return self.job.schedule.failed(repeat, str(refusal))
        timing = replace(timing, surroundings=look())
        self.job.schedule.measured(repeat, timing)
        return timing

    def _next(self) -> Repeat | None:
        if self.job.plan.isolation == "point":
            return None
        repeat = self.job.schedule.next()
        if repeat is not None:
            self.job.on_point(repeat)
        return repeat


def sessions(job: Job, command_of: Callable[[Repeat], list[str]]) -> Iterator[Session]:
    """Yield one session after the other until the schedule has nothing left.

    `command_of` gives the command of the session that begins with a repeat. The caller runs each
    session to its end before it takes the next. After `MAX_EMPTY_SESSIONS` sessions in a row that
    measured nothing the rest of the operation is given up.
    """
    empty = 0
    while (first := job.schedule.next()) is not None:
        session = Session(job, command_of(first), first, empty)
        yield session
        empty = session.empty
