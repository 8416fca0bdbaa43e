"""Runs a step in a process of its own, and keeps what it finds as soon as it is told.

A step that hangs is ended at its limit with all that it started; one that crashes ends itself
alone. In both cases what it had found stays.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ...profiler.log_file import end_log
from ...profiler.process.line_process import LineProcess, ProcessEnded
from ...store.disk.sync import make_folder
from ...store.errors import BadInput
from ...store.files import cannot_write, write_whole
from ...store.text.shareable import shareable
from ..measure.progress import RunProgress
from .results import Facts, StepOutcome, StepResult
from .schedule import Step

_PROGRAM: Final = "moeprof.pipeline.selftest.step_program"

CommandOf = Callable[[str, Path, float], Sequence[str]]


def program(step: str, folder: Path, seconds: float) -> Sequence[str]:
    """Command that runs a step."""
    return [sys.executable, "-P", "-m", _PROGRAM, step, str(folder), f"{seconds:.1f}"]


@dataclass(slots=True)
class StepRun:
    """A step that is running: its folder, its limit, and all that it has found so far.

    `device` is the one that the first step found, None where none has yet.
    """

    step: Step
    folder: Path
    limit_s: float
    progress: RunProgress
    facts: Facts
    command_of: CommandOf = program
    device: str | None = None
    _done: tuple[int, int] | None = None  # points, of how many, while a sweep has not ended

    def run(self) -> StepResult:
        """Run the step to its end, or to its limit."""
        begin_s = time.monotonic()
        outcome, reason = self._run(begin_s + self.limit_s)
        if self._done is not None:  # it was ended amid a sweep
            self.progress.end(*self._done)
        took_s = time.monotonic() - begin_s
        return StepResult(self.step.name, outcome, self.limit_s, took_s, reason)

    def _run(self, end_s: float) -> tuple[StepOutcome, str | None]:
        log = self.folder / "logs" / f"{self.step.name}.log"
        command = list(self.command_of(self.step.name, self.folder, self.limit_s))
        if self.device is not None:
            command.append(self.device)
        try:
            make_folder(log.parent)
            with LineProcess(command, log=log) as process:
                while True:
                    message = json.loads(process.answer(max(0.0, end_s - time.monotonic())))
                    if "outcome" in message:
                        return StepOutcome(message["outcome"]), message["reason"]
                    self._take(message)
        except ProcessEnded as end:
            late = time.monotonic() >= end_s
            return StepOutcome.FAILED, f"no end within {self.limit_s:.0f} s" if late else str(end)
        except OSError as error:
            return StepOutcome.FAILED, cannot_write(log, error).message
        finally:
            _end(log)

    def _take(self, message: dict[str, Any]) -> None:
        """Keep facts, and pass warnings and progress on."""
        if "facts" in message:
            self.facts.clear()
            self.facts.update(message["facts"])
            with suppress(BadInput):  # a disk that is full by now: the claims need no file
                write_facts(self.folder, self.step.name, self.facts)
        elif "warning" in message:
            self.progress.warning(f"{self.step.name}: {shareable(message['warning'])}")
        elif "point" in message:
            self.progress.point(*message["point"])
            *_, done, total = message["point"]
            self._done = (done, total)
        elif "end" in message:
            self._done = None
            self.progress.end(*message["end"])


def _end(log: Path) -> None:
    """Make a step's log fit to be shared; without room for that there is none."""
    try:
        if log.is_file():
            end_log(log)
    except BadInput:
        log.unlink(missing_ok=True)


def write_facts(folder: Path, step: str, facts: Facts) -> None:
    """Write what a step has found, without what tells who measured it and where."""
    text = json.dumps(_shareable(facts), indent=1, ensure_ascii=False) + "\n"
    write_whole(folder / "results" / f"{step}.json", text)


def _shareable(value: Any) -> Any:
    if isinstance(value, str):
        return shareable(value)
    if isinstance(value, dict):
        return {key: _shareable(one) for key, one in value.items()}
    return [_shareable(one) for one in value] if isinstance(value, list) else value
