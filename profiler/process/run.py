"""Run a process to its end, or for a limited time.

Every child leads a process group of its own, so that ending it ends what it started.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_MAX_QUOTED = 400  # characters of a child's output that a message quotes


@dataclass(frozen=True, slots=True)
class Finished:
    """A process that has ended. `exit_code` is None where the time limit ended it."""

    exit_code: int | None
    stdout: str
    stderr: str

    @property
    def last_words(self) -> str:
        """The end of its stderr, or of its stdout where that is empty, on one line."""
        return one_line(self.stderr or self.stdout)


def run(
    command: Sequence[str],
    *,
    timeout_s: float,
    cwd: Path | None = None,
    kept_fds: Sequence[int] = (),
) -> Finished:
    """Run a command to its end, or for `timeout_s`; `kept_fds` are descriptors open in it.

    Raises OSError where it cannot be started.
    """
    with subprocess.Popen(
        command,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
        pass_fds=kept_fds,
    ) as child:
        try:
            stdout, stderr = child.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            kill_group(child.pid)
            stdout, stderr = child.communicate()
            return Finished(None, stdout, stderr)
        except BaseException:
            kill_group(child.pid)
            raise
    return Finished(child.returncode, stdout, stderr)


def kill_group(pid: int) -> None:
    """End a process group by the id of its leader, if it is still there."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def one_line(text: str) -> str:
    """Return the last three lines of a text as one, cut to what a message can quote."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " / ".join(lines[-3:])[-_MAX_QUOTED:]
