"""Each kernel of the product against float64, and many times the same bits."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from typing import Any, Final

from ....device.identity import choose_device
from ....kernels.checking.cases import Case, gpu_cases, interpreter_cases
from ....profiler.lock import Locks, device_lock
from ....profiler.process.line_process import LineProcess, ProcessEnded
from ...measure.resolve import describe_here
from ..results import Facts
from ..work import Work

_PROGRAM: Final = "moeprof.pipeline.selftest.kernel_program"
_RUNS: Final = 300
_INTERPRETED_RUNS: Final = 3
_START_S: Final = 60.0  # torch, its CUDA context and Triton, from a cold disk
_CASE_S: Final = 30.0
_REPEATING_S: Final = 5.0  # its further runs may take so much
_LEAST_S: Final = 2.0  # left of the step's time to begin another case
_MOST_ENDED: Final = 3  # processes in a row that end without an answer


def check_kernels(work: Work) -> Facts:
    """Check one case after the other while there is time; a case that crashes costs itself."""
    device = choose_device(None)
    cases = interpreter_cases() if device == "cpu" else gpu_cases()
    rows: list[dict[str, Any]] = []
    facts: Facts = {"device": device, "planned": len(cases), "cases": rows}
    ended = 0
    with _locked(device) as locks, _Checker(device, locks) as checker:
        for done, case in enumerate(cases):
            if work.left_s() < _LEAST_S or ended == _MOST_ENDED:
                break
            work.point("kernels", "cases", case.tokens, done, len(cases))
            row = checker.check(case, work.left_s() - 1)
            if row is None:
                break
            rows.append({"case": case.name} | row)
            ended = ended + 1 if row.get("ended") else 0
            work.found(facts)
    work.end(len(rows), len(cases))
    return facts


@contextmanager
def _locked(device: str) -> Iterator[Locks]:
    """Hold a GPU; what runs in the interpreter disturbs a CPU no more than any program."""
    gpu = None if device == "cpu" else describe_here(device, threads=1).gpu
    with nullcontext(()) if gpu is None else device_lock(gpu, "selftest") as locks:
        yield locks


class _Checker:
    """Checks cases in a process of its own; after one that ended there is a new one."""

    def __init__(self, device: str, locks: Locks) -> None:
        self._command = [sys.executable, "-P", "-m", _PROGRAM, device]
        self._runs = _INTERPRETED_RUNS if device == "cpu" else _RUNS
        self._locks = locks
        self._process: LineProcess | None = None

    def __enter__(self) -> "_Checker":
        return self

    def __exit__(self, *raised: object) -> None:
        if self._process is not None:
            self._process.__exit__(*raised)
            self._process = None

    def check(self, case: Case, left_s: float) -> dict[str, Any] | None:
        """Check a case: what the program answers, or `failure` and `ended` where it ended.

        None where only the time that is left was too short for it.
        """
        start_s = 0.0
        if self._process is None:
            self._process, start_s = LineProcess(self._command, kept_fds=self._locks), _START_S
        asked = asdict(case) | {"runs": self._runs, "limit_s": min(_REPEATING_S, left_s)}
        end_s = time.monotonic() + left_s
        try:
            answer = self._process.ask(json.dumps(asked), min(start_s + _CASE_S, left_s))
            row: dict[str, Any] = json.loads(answer)
        except ProcessEnded as end:
            self.__exit__()
            in_time = time.monotonic() < end_s
            return {"failure": str(end), "ended": True} if in_time else None
        row.pop("case", None)
        return row
