"""A typed client of the line protocol that a run's scripts speak with `--serve`.

A script reads one request a line on stdin. It answers each with one line of JSON on the socket
whose number stands in the environment variable MOEPROF_ANSWERS_FD, never on what it prints:

    (start)                {"ready": true, …}      the process is ready
    TOKENS REPEAT SECONDS  a PointTiming            time one size, within so many seconds
    load TOKENS REPEAT     {"begin_ns": …}          begin a steady load, CLOCK_MONOTONIC
    reference REPEAT       {"begin_ns": …}          begin the load that every script has
    idle REPEAT            {"begin_ns": …}          begin to do nothing, as a baseline
    stop                   a Load                   end what was begun
    replay                 a MixedWorkload          run the mixed workload (its own script)
    (end of stdin)         {"ended": true}          its work is done, and it exits

Any request may be answered with {"error": REASON}. A script names the protocol that it speaks
(PROTOCOL in scenarios/script.py): one of another protocol is generated anew before it runs.
"""

from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self

from ..store.mixed_workload import MixedWorkload
from ..store.recording import Load, PointTiming
from .answers import (
    Asked,
    BadAnswer,
    asked_now,
    begin_of,
    body_of,
    load_of,
    reason_of,
    timing_of,
    workload_of,
)
from .budget.budget import NO_BUDGET, Budget
from .log_file import end_log
from .process.line_process import LineProcess, ProcessEnded

START_S: Final = 180.0  # torch and its CUDA context, from a cold disk
FINISH_S: Final = 180.0  # a profiler writes its report when the script ends
# With the report all that the process measured would be lost, so it may outlast the budget: by
# twice what a trace is estimated to take (profiler/worker.py, MAX_TRACE_S).
_REPORT_GRACE_S: Final = 40.0


class Refused(Exception):
    """The script answered a request with an error; the message is its reason."""


class ScriptClient:
    """One process of a script, from entering to leaving; leaving ends it.

    `answer_s` bounds the wait for each answer, and the `budget` all of them; the descriptors
    `kept_fds` stay open in the process, and the end of what it prints is kept in `log`. A request
    for a size names the key of its scenario, None for any. Every request raises Refused where the
    script answers with an error, BadAnswer where the answer is none to the request, and
    ProcessEnded where the process ends or gives no answer in time.
    """

    def __init__(
        self,
        command: Sequence[str],
        answer_s: float,
        kept_fds: Sequence[int] = (),
        log: Path | None = None,
        budget: Budget = NO_BUDGET,
    ) -> None:
        self._log = log
        self._budget = budget
        self._process = LineProcess(command, kept_fds=kept_fds, log=log)
        self._answer_s = answer_s
        self._load: tuple[Asked, int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._process.__exit__(*raised)
        if self._log is not None:
            end_log(self._log)

    def start(self, timeout_s: float = START_S) -> None:
        """Wait until the script is ready. Raises ProcessEnded where it does not start."""
        if body_of(self._process.answer(self._budget.at_most(timeout_s))).get("ready") is not True:
            raise BadAnswer("its first answer does not say that it is ready")

    @cached_property
    def processes(self) -> tuple[int, ...]:
        """Ids of the script's process, and of the supervisor and any tool around it."""
        return self._process.processes()

    def time(self, tokens: int, repeat: int, key: str | None = None) -> PointTiming:
        """Time calls at a batch size that was measured `repeat` times before.

        They end with the budget, one of them at least.
        """
        asked = asked_now(key, repeat)
        return timing_of(self._ask(f"{tokens} {repeat} {self._budget.left_s:.3f}"), asked)

    def begin_load(self, tokens: int, repeat: int, key: str) -> int:
        """Begin a steady load; return when it began, ns of CLOCK_MONOTONIC."""
        return self._begin(f"load {tokens} {repeat}", asked_now(key, repeat))

    def begin_idle(self, repeat: int) -> int:
        """Begin to do nothing; return when that began, ns of CLOCK_MONOTONIC."""
        return self._begin(f"idle {repeat}", asked_now(None, repeat, "idle"))

    def begin_reference(self, repeat: int) -> int:
        """Begin the reference load; return when it began, ns of CLOCK_MONOTONIC."""
        return self._begin(f"reference {repeat}", asked_now(None, repeat, "reference"))

    def stop(self) -> Load:
        """End the load, or the idling, that was begun; return what it did."""
        assert self._load is not None, "a load was begun"
        asked, begin_ns = self._load
        # A load may have ended by itself.
        line = self._process.ask_on("stop", self._budget.at_most(self._answer_s))
        return load_of(_done(line), asked, begin_ns)

    def run_mixed_workload(self) -> MixedWorkload:
        """Run the mixed workload to its end; return its segments."""
        return workload_of(self._ask("replay"))

    def finish(self) -> int | None:
        """Let the script end by itself; return its exit code, None where it did not end.

        A script that has done its work and does not end, such as for a thread of the operation, is
        ended alone.
        """
        self._process.close_input()
        with suppress(ProcessEnded):
            self._process.answer(self._for_report(FINISH_S))
        exit_code = self._process.finish(self._for_report(self._answer_s))
        if exit_code is None:
            self.kill()
            exit_code = self._process.finish(self._for_report(FINISH_S))
        return exit_code

    def _for_report(self, seconds: float) -> float:
        return self._budget.at_most(seconds, _REPORT_GRACE_S)

    def kill(self) -> None:
        """End the script alone: a profiler around it still writes its report."""
        self._process.end_speaker()

    def _begin(self, request: str, asked: Asked) -> int:
        begin_ns = begin_of(self._ask(request))
        self._load = asked, begin_ns
        return begin_ns

    def _ask(self, request: str) -> dict[str, Any]:
        return _done(self._process.ask(request, self._budget.at_most(self._answer_s)))


def _done(line: str) -> dict[str, Any]:
    """Parse an answer. Raises Refused where it is an error."""
    body = body_of(line)
    if (reason := reason_of(body)) is not None:
        raise Refused(reason)
    return body
