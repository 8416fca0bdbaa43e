"""A process that answers line by line.

It leads a process group of its own, so that ending it ends what it started. It ends by itself when
its input closes, also when moeprof is killed.
"""

import contextlib
import os
import queue
import signal
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from .run import kill_group, one_line


class ProcessEnded(Exception):
    """The process ended, or gave no answer in time; the message says which."""


class LineProcess:
    """A child that answers each line written to it with one line that begins with "{".

    Other lines of its output are skipped: libraries print too. Leaving the context ends the child.
    The descriptors `kept_fds` stay open in the child, under the same numbers.
    """

    def __init__(
        self, command: Sequence[str], *, cwd: Path | None = None, kept_fds: Sequence[int] = ()
    ) -> None:
        self._stderr = tempfile.TemporaryFile()
        self._child = subprocess.Popen(
            command,
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
            errors="replace",
            start_new_session=True,
            pass_fds=kept_fds,
        )
        self._answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._child.poll() is None:
            kill_group(self._child.pid)
        self._child.wait()
        self._reader.join()
        for stream in (self._child.stdin, self._child.stdout, self._stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    def answer(self, timeout_s: float) -> str:
        """Wait for the next answer. Raises ProcessEnded if none comes within `timeout_s`."""
        try:
            line = self._answers.get(timeout=timeout_s)
        except queue.Empty:
            raise ProcessEnded(f"no answer within {timeout_s:g} s") from None
        if line is None:
            code = self._child.wait()
            how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
            words = self.last_words()
            raise ProcessEnded(f"the process ended with {how}" + (f": {words}" if words else ""))
        return line

    def ask(self, line: str, timeout_s: float) -> str:
        """Write one line and return its answer. Raises ProcessEnded if none comes in time."""
        assert self._child.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # `answer` raises and says how it ended
            self._child.stdin.write(line + "\n")
            self._child.stdin.flush()
        return self.answer(timeout_s)

    def finish(self, timeout_s: float) -> int | None:
        """Close the child's input; return its exit code, None if it does not end in time."""
        assert self._child.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._child.stdin.close()
        try:
            return self._child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def last_words(self) -> str:
        """Return the end of the child's stderr, on one line."""
        self._stderr.seek(0)
        return one_line(self._stderr.read().decode(errors="replace"))

    def _read(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            if line.startswith("{"):
                self._answers.put(line)
        self._answers.put(None)


def kill(pid: int) -> None:
    """End one process by its id, if it is still there."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
