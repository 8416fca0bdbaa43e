"""A typed client of the line protocol that a run's scripts speak with `--serve`.

A script reads one request a line on stdin and answers each with one line of JSON on stdout:

    (start)                {"pid": 4711, …}         the process is ready
    TOKENS REPEAT          a PointTiming            time one size
    load TOKENS REPEAT     {"begin_ns": …}          begin a steady load, CLOCK_MONOTONIC
    idle REPEAT            {"begin_ns": …}          begin to do nothing, as a baseline
    stop                   a Load                   end what was begun
    replay                 a MixedWorkload          run the mixed workload (its own script)
    (end of stdin)         (exit)

Any request may be answered with {"error": REASON}. The protocol is fixed: runs keep copies of the
scripts that they were measured with, and a resumed run speaks to those.
"""

import json
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from ..store.mixed_workload import MixedWorkload
from ..store.recording import Load, PointTiming
from .process.line_process import LineProcess, kill

START_S: Final = 180.0  # torch and its CUDA context, from a cold disk
FINISH_S: Final = 180.0  # a profiler writes its report when the script ends


class Refused(Exception):
    """The script answered a request with an error; the message is its reason."""


class ScriptClient:
    """One process of a script, from entering to leaving; leaving ends it.

    `answer_s` bounds the wait for each answer; the descriptors `kept_fds` stay open in the
    process. Every request raises Refused where the script
    answers with an error, and ProcessEnded where the process ends or gives no answer in time.
    """

    def __init__(
        self, command: Sequence[str], answer_s: float, kept_fds: Sequence[int] = ()
    ) -> None:
        self._process = LineProcess(command, kept_fds=kept_fds)
        self._answer_s = answer_s
        self._pid: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.__exit__(kind, error, trace)

    def start(self, timeout_s: float = START_S) -> None:
        """Wait until the script is ready. Raises ProcessEnded where it does not start."""
        self._pid = json.loads(self._process.answer(timeout_s)).get("pid")

    def time(self, tokens: int, repeat: int) -> PointTiming:
        """Time calls at a batch size that was measured `repeat` times before."""
        return msgspec.convert(self._ask(f"{tokens} {repeat}"), PointTiming)

    def begin_load(self, tokens: int, repeat: int) -> int:
        """Begin a steady load; return when it began, ns of CLOCK_MONOTONIC."""
        return int(self._ask(f"load {tokens} {repeat}")["begin_ns"])

    def begin_idle(self, repeat: int) -> int:
        """Begin to do nothing; return when that began, ns of CLOCK_MONOTONIC."""
        return int(self._ask(f"idle {repeat}")["begin_ns"])

    def stop(self) -> Load:
        """End the load, or the idling, that was begun; return what it did."""
        return msgspec.convert(self._ask("stop"), Load)

    def run_mixed_workload(self) -> MixedWorkload:
        """Run the mixed workload to its end; return its segments."""
        return msgspec.convert(self._ask("replay"), MixedWorkload)

    def finish(self) -> int | None:
        """Let the script end by itself; return its exit code, None where it did not end."""
        return self._process.finish(FINISH_S)

    def kill(self) -> None:
        """End the script alone: a profiler around it still writes its report."""
        if self._pid is not None:
            kill(self._pid)

    def _ask(self, request: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._process.ask(request, self._answer_s))
        if "error" in answer:
            raise Refused(answer["error"])
        return answer
