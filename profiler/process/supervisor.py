"""Runs one command, and ends all that it started when it ends or moeprof is gone.

    python -I -S supervisor.py CONTROL LOG COMMAND...

A program of its own, so that nothing that happens in moeprof or in the command can stop it: it has
one thread and imports the standard library alone. CONTROL is the number of a socket whose other end
moeprof holds; the kernel closes that end when moeprof ends, in whatever way. LOG is the number of a
file that takes what the command writes to its descriptors 1 and 2, or "-" where it keeps ours.

The command is killed when this process dies (PR_SET_PDEATHSIG), and every descendant that loses
its parent becomes a child of this process (PR_SET_CHILD_SUBREAPER, both in prctl(2)), also one that
has called setsid. This process ends as the command ended: with its exit code, or by its signal.
Where the command cannot be started it writes the errno to CONTROL.
"""

import contextlib
import ctypes
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Iterator

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
_NOT_STARTED = 127  # exit code, as a shell's
_KEPT_BYTES = 1 << 15  # end of the output that a log holds at least; it holds twice as much at most
_READ_BYTES = 1 << 16
_LOOK_MS = 2000  # between two looks whether moeprof is still the parent
_END_S = 5.0  # a process that the kernel does not end by then is stuck in a driver
_LEFT_OUT = b"... what came before is left out ...\n"


def main(control: int, log: int | None, command: list[str]) -> None:
    """Run the command to its end, and end as it did."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    os.set_inheritable(control, False)
    wakeups = _signals_as_bytes()
    output, to_command = (None, None) if log is None else os.pipe()
    child = os.fork()
    if child == 0:
        _become(command, control, to_command)
    os.close(0)  # else the command could not close its input
    if to_command is not None:
        os.close(to_command)
    log_file = None if log is None or output is None else _Log(log, output)
    status = _watch(child, control, wakeups, log_file)
    end_descendants(os.getpid())
    if log_file is not None:
        log_file.take_rest()
    _end_as(status)


def descendants(ancestor: int) -> dict[int, int]:
    """Map each descendant of a process to its process group, read from /proc now."""
    children: dict[int, list[int]] = {}
    groups: dict[int, int] = {}
    for pid, (_, parent, group, _) in _processes():
        children.setdefault(parent, []).append(pid)
        groups[pid] = group
    found, waiting = {}, [ancestor]
    while waiting:
        for pid in children.get(waiting.pop(), ()):
            found[pid] = groups[pid]
            waiting.append(pid)
    return found


def members(session: int) -> list[int]:
    """Processes of a session, but for its leader."""
    return [pid for pid, (*_, of) in _processes() if of == session and pid != session]


def marked(mark: str) -> list[int]:
    """Processes that were started with `mark`, such as "NAME=value", in their environment."""
    found = []
    for name in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError):  # it has ended since, or is another user's
            with open(f"/proc/{name}/environ", "rb") as file:
                if mark.encode() in file.read().split(b"\0"):
                    found.append(int(name))
    return found


def state(pid: int) -> str:
    """State letter of a process as in proc(5), "T" where a signal stopped it; "" without one."""
    try:
        return _stat(pid)[0]
    except OSError:
        return ""


def end_descendants(ancestor: int) -> None:
    """Kill the descendants of this process until none is left, for `_END_S` at most.

    A whole group is killed at once: the kernel then lets none of it fork any more.
    """
    end_s = time.monotonic() + _END_S
    while time.monotonic() < end_s:
        for pid, group in descendants(ancestor).items():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
                if group != os.getpgid(0):
                    os.killpg(group, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.002)


def _processes() -> Iterator[tuple[int, tuple[str, int, int, int]]]:
    for name in os.listdir("/proc"):
        if name.isdecimal():
            with contextlib.suppress(OSError):  # it has ended since
                yield int(name), _stat(int(name))


def _stat(pid: int) -> tuple[str, int, int, int]:
    """State, parent, process group and session of a process: fields 3 to 6 of stat in proc(5)."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        after_name = file.read().rpartition(b") ")[2].split(maxsplit=4)
    parent, group, session = map(int, after_name[1:4])
    return after_name[0].decode(), parent, group, session


class _Log:
    """The end of an output, in a file that stays small however much is written."""

    def __init__(self, file: int, source: int) -> None:
        self.source = source
        self._file = file
        self._size = 0
        os.set_inheritable(file, False)
        os.set_blocking(source, False)

    def take(self) -> bool:
        """Move what is waiting into the log; return whether there may be more later."""
        try:
            piece = os.read(self.source, _READ_BYTES)
        except BlockingIOError:
            return True
        with contextlib.suppress(OSError):  # a full disk costs the log alone
            self._append(piece)
        return bool(piece)

    def take_rest(self) -> None:
        """Move what ended processes left in the pipe, which holds no more than some pages."""
        for _ in range(1 << 8):
            if not self.take():
                break

    def _append(self, piece: bytes) -> None:
        if self._size + len(piece) > 2 * _KEPT_BYTES:
            start = max(0, self._size - _KEPT_BYTES)
            kept = os.pread(self._file, _KEPT_BYTES, start) + piece
            piece = _LEFT_OUT + kept[-_KEPT_BYTES:].partition(b"\n")[2]
            os.ftruncate(self._file, 0)
            self._size = 0
        self._size += os.pwrite(self._file, piece, self._size)


def _watch(child: int, control: int, wakeups: int, log: _Log | None) -> int | None:
    """Wait until the command ends; return its wait status, None where it is to be ended."""
    poller = select.poll()
    poller.register(control, select.POLLIN)
    poller.register(wakeups, select.POLLIN)
    if log is not None:
        poller.register(log.source, select.POLLIN)
    parent = os.getppid()
    while os.getppid() == parent:  # CONTROL stays open in a process that moeprof has forked
        for fd, _ in poller.poll(_LOOK_MS):
            if log is not None and fd == log.source:
                if not log.take():
                    poller.unregister(fd)
            elif fd != wakeups or set(os.read(wakeups, 512)) != {signal.SIGCHLD}:
                return None
            else:
                status = _reap(child)
                if status is not None:
                    return status
    return None


def _reap(child: int) -> int | None:
    """Take leave of all that has ended; return the wait status of `child` if that has."""
    status = None
    while True:
        try:
            pid, its_status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return status
        if pid == child:
            status = its_status
        if pid == 0:
            return status


def _become(command: list[str], control: int, output: int | None) -> None:
    """Become the command, in the forked child."""
    try:
        os.setpgid(0, 0)
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if output is not None:
            os.dup2(output, 1)
            os.dup2(output, 2)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores these two
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        with contextlib.suppress(OSError):  # out of memory: the kernel ends the command, not us
            with open("/proc/self/oom_score_adj", "w") as file:
                file.write("1000")
        os.execvp(command[0], command)
    except OSError as error:
        os.write(control, b"%d" % (error.errno or 0))
    finally:
        os._exit(_NOT_STARTED)


def _signals_as_bytes() -> int:
    """Return a descriptor that gives a byte for each signal that would end us or tells of a child.

    A signal that was ignored stays so (nohup).
    """
    to_read, to_write = os.pipe()
    os.set_blocking(to_write, False)
    signal.set_wakeup_fd(to_write, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if number == signal.SIGCHLD or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    return to_read


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _end_as(status: int | None) -> None:
    if status is not None and os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(_NOT_STARTED if status is None else os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main(int(sys.argv[1]), None if sys.argv[2] == "-" else int(sys.argv[2]), sys.argv[3:])
