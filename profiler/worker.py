"""Worker processes: an isolated script times one size after the other, at a schedule's request.

A size at which the script hangs or crashes is recorded as failed with the reason, and a new
process goes on with the next size. Where the budget ends meanwhile, the size is not measured, and
has not failed.

Under a tracer a process ends while there is time for its trace to be written and read, and before
the trace is so long that all of it could be lost; a new process goes on.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from ..scenarios.duration import START_S, report_s, trace_s
from ..store.recording import CollectorName, PointTiming
from .job import Job
from .log_file import new_log
from .process.line_process import ProcessEnded
from .record import Outcome
from .schedule.repeat import Repeat
from .script_client import Refused, ScriptClient

MAX_EMPTY_SESSIONS: Final = 3
MAX_TRACE_S: Final = 20.0  # to write and read one trace
NOTHING_MEASURED: Final = f"{MAX_EMPTY_SESSIONS} processes in a row measured nothing"


@dataclass(slots=True)
class Session:
    """One worker process, from its first size to its end.

    `empty_before` counts the sessions in a row before this one that measured nothing. `collector`
    is what its script runs under.
    """

    job: Job
    command: list[str]
    first: Repeat
    empty_before: int
    collector: str = CollectorName.CPU
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
        budget = self.job.schedule.budget
        with ScriptClient(self.command, limit_s, self.job.kept_fds, log, budget) as script:
            try:
                script.start()
            except ProcessEnded as end:
                if budget.is_spent:
                    return
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
                script.kill()
                if schedule.budget.is_spent:
                    return
                yield schedule.failed(repeat, str(end))
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
        if self.job.plan.isolation == "point" or self._must_be_traced():
            return None
        repeat = self.job.schedule.next()
        if repeat is not None:
            self.job.on_point(repeat)
        return repeat

    def _must_be_traced(self) -> bool:
        """Whether the rest of the time is needed for the trace, or the trace is long enough."""
        timings = (one for one in self.outcomes if isinstance(one, PointTiming))
        needed_s = report_s(self.collector)
        needed_s += sum(trace_s(self.collector, one) for one in timings)
        return needed_s >= min(MAX_TRACE_S, self.job.schedule.left_s)


def sessions(
    job: Job,
    command_of: Callable[[Repeat], list[str]],
    collector: str = CollectorName.CPU,
) -> Iterator[Session]:
    """Yield one session after the other until the schedule has nothing left.

    `command_of` gives the command of the session that begins with a repeat, `collector` is what it
    runs under. The caller runs each session to its end before it takes the next; there is none for
    which there is no time to start. After `MAX_EMPTY_SESSIONS` sessions in a row that measured
    nothing the rest of the operation is given up.
    """
    session: Session | None = None
    while session is None or job.schedule.left_s > START_S:
        first = job.schedule.next()
        if first is None:
            return
        empty = 0 if session is None else session.empty
        session = Session(job, command_of(first), first, empty, collector)
        yield session
