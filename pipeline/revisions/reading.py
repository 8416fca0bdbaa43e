"""One reading of a commit: it is built once, then a command in its folder prints a number."""

import json
import math
import os
import shlex
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import dropwhile
from pathlib import Path
from typing import Any, Final

from ...profiler.process.run import Finished, one_line, run
from ...store.errors import BadInput, shortened
from ...store.files import cannot_write, write_whole

_BUILT: Final = ".built-by-moeprof"
_TRIES: Final = 2  # a build or a reading may fail by chance
_SKIP: Final = 125  # exit code by which a command says that a commit cannot be tested (git-bisect)
_MOST_BYTES: Final = 1 << 22


class Unreadable(Exception):
    """A commit that cannot be built or read; the message says why."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is read of each commit, and how.

    `command` runs in the commit's folder and prints a number, or JSON in which `value` leads to one
    ("rows.0.time_us"). `build` is a shell command that comes before the first reading.
    """

    command: tuple[str, ...]
    value: str | None
    build: str | None
    limit_s: float

    def text(self) -> str:
        """The question as a line: readings with other lines are of something else."""
        return json.dumps([*self.command, {"value": self.value, "build": self.build}])


def build(folder: Path, question: Question, end_s: float = math.inf) -> None:
    """Build a commit in its folder, unless it is built. Raises Unreadable where it cannot be.

    A build that fails is tried again: a registry or a full disk is no property of a commit.
    """
    mark = folder / _BUILT
    if question.build is None or mark.exists():
        return
    for _ in range(_TRIES):
        done = run_in(folder, ["sh", "-c", question.build], _left_s(question, end_s))
        if done.exit_code == 0:
            try:
                write_whole(mark, "")
            except OSError as error:
                raise cannot_write(mark, error) from error
            return
        if done.exit_code == _SKIP:
            break
    raise Unreadable(f"the build {_ended(done)}")


def read(folder: Path, question: Question, end_s: float = math.inf) -> float:
    """Read the metric of a commit in its folder. Raises Unreadable where that fails twice.

    It is ended at `end_s` of the monotonic clock, as a build is.
    """
    for _ in range(_TRIES):
        done = run_in(folder, question.command, _left_s(question, end_s))
        if done.exit_code == 0:
            return _number(done.stdout, question)
        if done.exit_code == _SKIP:
            break
    raise Unreadable(f"{shlex.join(question.command)} {_ended(done)}")


def run_in(folder: Path, command: Sequence[str], limit_s: float) -> Finished:
    """Run a command in a commit's folder, whose files are the first to be imported.

    Raises BadInput where it cannot be started, or where Python cannot import from the folder.
    """
    if os.pathsep in str(folder):
        raise BadInput(
            f"{folder} has a {os.pathsep!r} in its name, at which Python splits its search path",
            hint="work in another folder, or name one with --state",
        )
    program = next(dropwhile(lambda word: "=" in word, command), "")  # after variables, for env
    if os.sep not in program and shutil.which(program) is None:
        raise BadInput(
            f"there is no program {program!r} here", hint="see PATH; ./NAME is one of the commit"
        )
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
    words = ["env", f"PYTHONPATH={path}", *command]
    try:
        return run(words, timeout_s=limit_s, cwd=folder, max_bytes=_MOST_BYTES)
    except OSError as error:
        raise BadInput(f"{command[0]} cannot be run: {error}", hint="see PATH") from error


def _left_s(question: Question, end_s: float) -> float:
    return max(min(question.limit_s, end_s - time.monotonic()), 0.0)


def _ended(done: Finished) -> str:
    how = "was ended" if done.exit_code is None else f"ended with {done.exit_code}"
    return f"{how}: {done.last_words}" if done.last_words else how


def _number(text: str, question: Question) -> float:
    """The number that a command printed. Raises Unreadable where there is none, or no positive."""
    named = shlex.join(question.command)
    if question.value is None:
        last = (text.strip().splitlines() or [""])[-1].strip()
        found: Any = last
    else:
        try:
            found = _at(json.loads(text), question.value)
        except LookupError:
            raise Unreadable(f"{named} printed JSON without {question.value}") from None
        except (ValueError, RecursionError):
            raise Unreadable(f"{named} printed no JSON: {shortened(one_line(text))!r}") from None
    try:
        number = float(found) if not isinstance(found, bool) else math.nan
    except (TypeError, ValueError, OverflowError):
        raise Unreadable(f"{named} printed no number: {shortened(str(found))!r}") from None
    if not (0 < number < math.inf):
        raise Unreadable(f"{named} printed {number:g}, and a reading is a positive number")
    return number


def _at(document: Any, path: str) -> Any:
    """What lies at a path such as rows.0.time_us. Raises LookupError where nothing does."""
    for part in path.split("."):
        if isinstance(document, list) and part.isdigit() and int(part) < len(document):
            document = document[int(part)]
        elif isinstance(document, dict) and part in document:
            document = document[part]
        else:
            raise LookupError(path)
    return document
