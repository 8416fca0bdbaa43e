"""Run a process to its end, or for a limited time and to a limited output."""

import os
import selectors
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .supervised import Supervised

MAX_OUTPUT_BYTES: Final = 1 << 28  # a raw page of ncu has some 20 kB per kernel
_MAX_QUOTED = 400  # characters of a child's output that a message quotes
_READ_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Finished:
    """A process that has ended.

    `exit_code` is minus the signal where one ended it, and None where it was ended at a limit;
    `limit` then says which.
    """

    exit_code: int | None
    stdout: str
    stderr: str
    limit: str = ""

    @property
    def last_words(self) -> str:
        """The limit it was ended at, and the end of its stderr, else its stdout, on one line."""
        return ": ".join(filter(None, (self.limit, one_line(self.stderr or self.stdout))))


def run(
    command: Sequence[str],
    *,
    timeout_s: float,
    cwd: Path | None = None,
    kept_fds: Sequence[int] = (),
    max_bytes: int = MAX_OUTPUT_BYTES,
) -> Finished:
    """Run a command to its end, for `timeout_s` and `max_bytes` of output at most.

    The descriptors `kept_fds` stay open in it. What it started is ended with it. Raises OSError
    where it cannot be started.
    """
    end_s = time.monotonic() + timeout_s
    with Supervised(command, cwd=cwd, kept_fds=kept_fds) as child:
        output = _Output(child, max_bytes)
        limit = output.take(end_s)
        exit_code = None if limit else child.exit_code(end_s - time.monotonic())
        child.end()
        output.take_rest()
        if exit_code is None:
            limit = limit or f"no end within {timeout_s:g} s"
    return Finished(exit_code, output.text(0), output.text(1), limit)


class _Output:
    """What a command writes to its two outputs."""

    def __init__(self, child: Supervised, max_bytes: int) -> None:
        assert child.stdout is not None
        assert child.stderr is not None
        self._child = child
        self._pipes = (child.stdout.fileno(), child.stderr.fileno())
        self._pieces: tuple[list[bytes], list[bytes]] = ([], [])
        self._left_bytes = self._max_bytes = max_bytes
        for pipe in self._pipes:
            os.set_blocking(pipe, False)

    def text(self, place: int) -> str:
        """What was read of stdout (0) or stderr (1)."""
        return b"".join(self._pieces[place]).decode(errors="replace").replace("\r\n", "\n")

    def take(self, end_s: float) -> str:
        """Read until the command has ended; return the limit that ended the reading, else ""."""
        with selectors.DefaultSelector() as waiting:
            for place, pipe in enumerate(self._pipes):
                waiting.register(pipe, selectors.EVENT_READ, place)
            waiting.register(self._child, selectors.EVENT_READ, None)
            while (left_s := end_s - time.monotonic()) > 0:
                for key, _ in waiting.select(left_s):
                    if key.data is None:
                        return ""
                    if not self._take(key.data):
                        waiting.unregister(key.fileobj)
                if self._left_bytes <= 0:
                    return f"more than {self._max_bytes >> 20} MiB of output"
        return ""

    def take_rest(self) -> None:
        """Read what an ended command has left in its pipes, without waiting."""
        for place in range(len(self._pipes)):
            while self._left_bytes > 0 and self._take(place):
                pass

    def _take(self, place: int) -> bool:
        """Read a piece; return whether there was one."""
        try:
            piece = os.read(self._pipes[place], _READ_BYTES)
        except BlockingIOError:
            return False
        self._pieces[place].append(piece)
        self._left_bytes -= len(piece)
        return bool(piece)


def one_line(text: str) -> str:
    """Return the last three lines of a text as one, cut to what a message can quote."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " / ".join(lines[-3:])[-_MAX_QUOTED:]
