"""A process that is asked line by line, and answers on a socket of its own.

What the process writes to its descriptors 1 and 2 is never an answer: it goes to its log. The
kernel says which process an answer is from (SCM_CREDENTIALS, unix(7)); answers of another one than
the first, such as a forked copy of it, are passed over.
"""

import contextlib
import os
import select
import signal
import socket
import struct
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from .run import one_line
from .supervised import Supervised
from .supervisor import descendants, state

ANSWERS_FD: Final = "MOEPROF_ANSWERS_FD"  # environment variable: the number of the socket
_CREDENTIALS: Final = struct.Struct("iII")  # pid, user and group: struct ucred
_MAX_ANSWER_BYTES: Final = 1 << 24
_READ_BYTES: Final = 1 << 16
_QUOTED_BYTES: Final = 1 << 12  # end of the log in which last words are looked for


class ProcessEnded(Exception):
    """The process ended, or gave no proper answer in time; the message says which."""


class LineProcess:
    """A child that answers each line written to its stdin with one line on its socket.

    The child finds the number of the socket in the environment variable `ANSWERS_FD`. The end of
    what it prints is kept in the file `log`, else in a temporary one. The descriptors `kept_fds`
    stay open in it, under the same numbers. Leaving the context ends the child and all that it
    started.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: Path | None = None,
        kept_fds: Sequence[int] = (),
        log: Path | None = None,
    ) -> None:
        self._log = tempfile.TemporaryFile() if log is None else log.open("w+b")
        self._socket, theirs = socket.socketpair()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._speaker: int | None = None
        self._text = b""
        fd = theirs.fileno()
        with theirs, contextlib.ExitStack() as undoing:  # where no process can be started
            undoing.callback(self._socket.close)
            undoing.callback(self._log.close)
            self._child = Supervised(
                command,
                cwd=cwd,
                kept_fds=[*kept_fds, fd],
                log=self._log,
                environment={ANSWERS_FD: str(fd)},
            )
            undoing.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._child.__exit__(*raised)
        self._socket.close()
        self._log.close()

    def ask(self, line: str, timeout_s: float) -> str:
        """Write one line and return its answer. Raises ProcessEnded if none comes in time.

        Raises it also where the child has answered before it was asked.
        """
        while self._receive():
            pass
        if self._text:
            raise ProcessEnded(f"it answered what it was not asked: {self._quoted()}")
        return self.ask_on(line, timeout_s)

    def ask_on(self, line: str, timeout_s: float) -> str:
        """Write one line, to which the answer may have come already; return the answer."""
        assert self._child.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # `answer` raises and says how it ended
            self._child.stdin.write(line.encode() + b"\n")
            self._child.stdin.flush()
        return self.answer(timeout_s)

    def answer(self, timeout_s: float) -> str:
        """Wait for the next answer. Raises ProcessEnded if none comes within `timeout_s`."""
        end_s = time.monotonic() + timeout_s
        waiting = select.poll()
        waiting.register(self._socket, select.POLLIN)
        waiting.register(self._child, select.POLLIN)
        while b"\n" not in self._text:
            ready = waiting.poll(max(0.0, end_s - time.monotonic()) * 1000)
            received = self._receive()
            if not ready or time.monotonic() > end_s:
                raise ProcessEnded(f"no answer within {timeout_s:g} s{self._what_it_does()}")
            if not received and any(fd == self._child.fileno() for fd, _ in ready):
                raise ProcessEnded(self._how_it_ended())
            if not received:  # its last descriptor is closed
                waiting.unregister(self._socket)
            if len(self._text) > _MAX_ANSWER_BYTES:
                raise ProcessEnded(f"an answer of more than {_MAX_ANSWER_BYTES >> 20} MiB")
        line, _, self._text = self._text.partition(b"\n")
        return line.decode(errors="replace")

    def close_input(self) -> None:
        """Close the child's input, by which it knows that nothing more is asked."""
        assert self._child.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._child.stdin.close()

    def finish(self, timeout_s: float) -> int | None:
        """Close the child's input; return its exit code, None if it does not end in time."""
        self.close_input()
        try:
            return self._child.exit_code(timeout_s)
        except OSError:
            return None

    def processes(self) -> tuple[int, ...]:
        """Ids of the supervisor and of all that it has started and that runs now."""
        return (self._child.pid, *descendants(self._child.pid))

    def end_speaker(self) -> None:
        """End the process that answers, if it is ours; a tool around it goes on, if stopped too."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL if pid == self._speaker else signal.SIGCONT)

    def last_words(self) -> str:
        """Return the end of what the child printed, on one line."""
        self._log.seek(max(0, self._log.seek(0, os.SEEK_END) - _QUOTED_BYTES))
        return one_line(self._log.read().decode(errors="replace"))

    def _receive(self) -> bool:
        """Take what waits on the socket; return whether there was anything."""
        room = socket.CMSG_SPACE(_CREDENTIALS.size)
        try:
            piece, extra, *_ = self._socket.recvmsg(_READ_BYTES, room, socket.MSG_DONTWAIT)
        except OSError:
            return False
        for _, kind, data in extra:
            if piece and kind == socket.SCM_CREDENTIALS:
                pid = _CREDENTIALS.unpack(data[: _CREDENTIALS.size])[0]
                self._speaker = self._speaker or pid
                self._text += piece if pid == self._speaker else b""
        return bool(piece)

    def _how_it_ended(self) -> str:
        try:
            code = self._child.exit_code(0)
        except OSError as error:
            return f"the process cannot be started: {error}"
        if code is None:
            return "the process does not end"
        how = f"signal {_signal_name(-code)}" if code < 0 else f"exit code {code}"
        words = self.last_words()
        return f"the process ended with {how}" + (f": {words}" if words else "")

    def _what_it_does(self) -> str:
        stopped = self._speaker is not None and state(self._speaker) in ("T", "t")
        return ": it is stopped" if stopped else ""

    def _quoted(self) -> str:
        return ascii(self._text[:80].decode(errors="replace"))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # most real-time signals have no name
        return str(number)
