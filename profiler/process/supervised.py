"""A command under its supervisor, which ends all that it started (supervisor.py says how)."""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Final, Self
from uuid import uuid4

from .supervisor import marked, members, state

_SUPERVISOR: Final = Path(__file__).with_name("supervisor.py")
# Environment variable by which what the command started is known without its supervisor.
_MARK: Final = "MOEPROF_COMMAND"
_PACKAGE: Final = Path(__file__).absolute().parents[2]
_LOOK_S: Final = 0.5
_MOST_STOPS: Final = 6  # looks that find the supervisor stopped; each lets it go on
_END_S: Final = 10.0  # the supervisor gives up after half of it


class Supervised:
    """A running command. Leaving the context ends it and all that it started.

    Without a `log` its input is empty, and `stdout` and `stderr` are pipes. With one, `stdin` is a
    pipe, and the end of what it writes to both is kept in the log. The descriptors `kept_fds` stay
    open in it, under the same numbers.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: Path | None = None,
        kept_fds: Sequence[int] = (),
        log: IO[bytes] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._program = command[0]
        self._id = uuid4().hex
        self._control, theirs = socket.socketpair()
        control_fd, log_fd = theirs.fileno(), None if log is None else log.fileno()
        with theirs, contextlib.ExitStack() as undoing:  # where no process can be started
            undoing.callback(self._control.close)
            self._supervisor = subprocess.Popen(
                [
                    *(sys.executable, "-I", "-S", str(_SUPERVISOR), str(control_fd)),
                    "-" if log_fd is None else str(log_fd),
                    *command,
                ],
                cwd=cwd,
                env={**os.environ, **package_path(), **(environment or {}), _MARK: self._id},
                stdin=subprocess.DEVNULL if log is None else subprocess.PIPE,
                stdout=subprocess.PIPE if log is None else subprocess.DEVNULL,
                stderr=subprocess.PIPE if log is None else subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=[control_fd, *kept_fds, *([] if log_fd is None else [log_fd])],
            )
            undoing.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.end()
        self._control.close()
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    @property
    def pid(self) -> int:
        """Process id of the supervisor, the ancestor of all that the command started."""
        return self._supervisor.pid

    @property
    def stdin(self) -> IO[bytes] | None:
        """The command's input, with a log."""
        return self._supervisor.stdin

    @property
    def stdout(self) -> IO[bytes] | None:
        """The command's output, without a log."""
        return self._supervisor.stdout

    @property
    def stderr(self) -> IO[bytes] | None:
        """The command's error output, without a log."""
        return self._supervisor.stderr

    def fileno(self) -> int:
        """Descriptor that can be read when the command, and all that it started, has ended."""
        return self._control.fileno()

    def exit_code(self, timeout_s: float) -> int | None:
        """Wait for the end; return the exit code, or minus the signal; None if it does not end.

        None too where the command stops its supervisor again and again, which then can never end.
        Raises OSError where the command could not be started.
        """
        stops = 0
        poller = select.poll()
        poller.register(self._control, select.POLLIN)
        end_s = time.monotonic() + timeout_s
        while not poller.poll(max(0.0, min(end_s - time.monotonic(), _LOOK_S)) * 1000):
            stops += state(self.pid) == "T"  # the command may have stopped it
            if time.monotonic() >= end_s or stops > _MOST_STOPS:
                return None
            self._supervisor.send_signal(signal.SIGCONT)
        if errno := self._errno():
            raise OSError(errno, os.strerror(errno), self._program)
        try:
            return self._supervisor.wait(_END_S)
        except subprocess.TimeoutExpired:
            return None

    def end(self) -> None:
        """End the command and all that it started; wait some seconds at most."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)
        stops, end_s = 0, time.monotonic() + _END_S
        while stops <= _MOST_STOPS and time.monotonic() < end_s:
            self._supervisor.send_signal(signal.SIGCONT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._supervisor.wait(_LOOK_S)
                break
            stops += state(self.pid) == "T"
        if self._supervisor.returncode is None or self._supervisor.returncode < 0:
            self._end_without_supervisor()

    def _end_without_supervisor(self) -> None:
        """End a supervisor that was stopped, and what one that was killed has left."""
        self._supervisor.kill()
        for pid in {*members(self.pid), *marked(f"{_MARK}={self._id}")}:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._supervisor.wait(_END_S)

    def _errno(self) -> int:
        """The errno of a command that could not be started, else 0."""
        with contextlib.suppress(OSError):
            return int(self._control.recv(16, socket.MSG_DONTWAIT | socket.MSG_PEEK) or b"0")
        return 0


def package_path() -> dict[str, str]:
    """PYTHONPATH by which an isolated script imports this moeprof, where sys.path alone led to it.

    An installed package is found without: its folder comes after the standard library.
    """
    folder = _PACKAGE.parent
    if _PACKAGE.name != "moeprof" or folder.name in ("site-packages", "dist-packages"):
        return {}
    before = os.environ.get("PYTHONPATH", "")
    return {"PYTHONPATH": os.pathsep.join(filter(None, (before, str(folder))))}
