"""The command line as a function: words in; exit code, stdout and stderr out."""

import contextlib
import io
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from unittest import mock

from moeprof.cli.app import run
from moeprof.cli.ending import Ending


@dataclass(frozen=True, slots=True)
class Result:
    """What one command left: its exit code and everything that it printed."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def data(self) -> Any:
        """The JSON on stdout; fails where there is anything else."""
        return json.loads(self.stdout)

    @property
    def errors(self) -> list[str]:
        """Each error that was printed."""
        return [
            line.removeprefix("error: ")
            for line in self.stderr.splitlines()
            if line.startswith("error: ")
        ]

    @property
    def hint(self) -> str:
        """The last hint that was printed; empty where none was."""
        hints = [line for line in self.stderr.splitlines() if line.startswith("hint: ")]
        return hints[-1].removeprefix("hint: ") if hints else ""


Moeprof = Callable[..., Result]


def run_moeprof(words: Sequence[object]) -> Result:
    """Run one command in this process, 80 columns wide, from its words to the exit code."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, COLUMNS="80"),
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
    ):
        code = run([str(word) for word in words], Ending())
    return Result(code, stdout.getvalue(), stderr.getvalue())
