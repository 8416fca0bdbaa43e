"""The one who lets time pass: only while every thread that knows the clock waits.

A thread that computes, reads a disk or starts a process holds the time still, however long it takes
in truth; so a rehearsal gives the same times on a busy machine, and waits cost next to nothing.

While all other threads wait, the one that goes on may let time pass by itself, up to the earliest
time that another one waits for: the page of the clock names the thread and that limit. When it
writes to another process it asks again, since that one may wake up.
"""

import contextlib
import mmap
import os
import selectors
import socket
import struct
import threading
import time
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Final, Self

PAGE: Final = "clock"  # the time and the limit in s, and the thread that may go on to the limit
NOW, LIMITED = struct.Struct("=d"), struct.Struct("=ddq")
SOCKET: Final = "waits"
REQUEST: Final = struct.Struct("=cqqd")  # kind, process, thread, time in s
ASLEEP, TIMEOUT, CANCEL, HERE, STARTED = b"s", b"t", b"c", b"h", b"b"
START_S: Final = 100.0

_LOOK_S: Final = 0.001  # between two looks at threads that run
# Where every wait is a timeout, nobody is sure to come back: so long nothing may happen in truth.
_NOTHING_HAPPENS_S: Final = 0.5


@dataclass(slots=True)
class _Thread:
    """A thread that knows the clock; it waits for `until_s`, None while it does something else."""

    connection: socket.socket
    process: int = 0
    thread: int = 0
    kind: bytes = HERE
    until_s: float | None = None


class ClockServer:
    """Serves the clock in `folder`, from entering to leaving."""

    def __init__(self, folder: Path) -> None:
        path = folder / PAGE
        path.write_bytes(LIMITED.pack(START_S, START_S, 0))
        with path.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), LIMITED.size)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(folder / SOCKET))
        self._listener.listen(64)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._threads: dict[socket.socket, _Thread] = {}
        self._starting: set[int] = set()
        self._processes: set[int] = set()
        self._closed = threading.Event()
        self._still_since_s: float | None = None

    def __enter__(self) -> Self:
        self._server = threading.Thread(target=self._serve, daemon=True)
        self._server.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._closed.set()
        self._server.join()
        for connection in [self._listener, *self._threads]:
            connection.close()
        self._selector.close()
        self._page.close()

    @property
    def now_s(self) -> float:
        """The time, s."""
        return float(NOW.unpack_from(self._page)[0])

    def _serve(self) -> None:
        while not self._closed.is_set():
            events = self._selector.select(_LOOK_S)
            for key, _ in events:
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    self._hear(self._threads[key.fileobj])  # type: ignore[index]
            if not events or not self._selector.select(0):
                self._let_pass()

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        self._threads[connection] = _Thread(connection)
        self._selector.register(connection, selectors.EVENT_READ)

    def _hear(self, one: _Thread) -> None:
        try:
            request = one.connection.recv(REQUEST.size)
        except OSError:
            request = b""
        if not request:
            self._selector.unregister(one.connection)
            del self._threads[one.connection]
            one.connection.close()
            return
        self._still_since_s = None
        self._limit(0.0, 0)
        kind, one.process, one.thread, number = REQUEST.unpack(request)
        if kind == HERE:
            self._processes.add(one.process)
            self._starting -= set(_ancestors(one.process))
        elif kind == STARTED:
            self._processes.add(int(number))
            known = {one.process for one in self._threads.values()}
            if not any(int(number) in _ancestors(process) for process in known):
                self._starting.add(int(number))
        elif kind != CANCEL:
            one.kind, one.until_s = kind, number
        elif one.until_s is not None:
            self._answer(one)

    def _let_pass(self) -> None:
        """Go on to the earliest time that a thread waits for, if none does anything else."""
        waiting = [one for one in self._threads.values() if one.until_s is not None]
        if not waiting or self._is_busy():
            self._still_since_s = None
            return
        if all(one.kind == TIMEOUT for one in waiting) and not self._nothing_happens():
            return
        first, *others = sorted(waiting, key=_until_s)
        NOW.pack_into(self._page, 0, max(self.now_s, _until_s(first)))
        self._limit(min(map(_until_s, others), default=inf), first.thread)
        self._answer(first)

    def _limit(self, until_s: float, thread: int) -> None:
        """Let one thread go on by itself, and no other."""
        self._page[NOW.size :] = LIMITED.pack(0.0, until_s, thread)[NOW.size :]

    def _is_busy(self) -> bool:
        """Whether a process starts, computes in any of its threads, or runs to its end.

        Threads that do not know the clock, and processes that have left it, count as well.
        """
        self._starting &= {pid for pid in self._starting if _lives(pid)}
        self._processes &= {pid for pid in self._processes if _lives(pid)}
        return bool(self._starting) or any(map(_runs, self._processes))

    def _nothing_happens(self) -> bool:
        """Whether nothing has happened for a while."""
        now_s = time.monotonic()
        self._still_since_s = self._still_since_s or now_s
        return now_s - self._still_since_s >= _NOTHING_HAPPENS_S

    def _answer(self, one: _Thread) -> None:
        one.until_s = self._still_since_s = None
        with contextlib.suppress(OSError):  # it was killed while it waited
            one.connection.send(b".")


def _until_s(one: _Thread) -> float:
    assert one.until_s is not None, "it waits"
    return one.until_s


def _lives(process: int) -> bool:
    return _state(f"/proc/{process}/stat") not in "ZX"


def _runs(process: int) -> bool:
    """Whether any thread of a process runs, or waits for a disk."""
    try:
        threads = os.listdir(f"/proc/{process}/task")
    except OSError:
        return False
    return any(_state(f"/proc/{process}/task/{one}/stat") in "RD" for one in threads)


def _state(stat: str) -> str:
    """State letter of a process or thread as in proc(5); "X", dead, where it is gone."""
    try:
        with open(stat, "rb") as file:
            return chr(file.read().rpartition(b") ")[2][0])
    except (OSError, IndexError):
        return "X"


def _ancestors(process: int) -> list[int]:
    """A process, its parent, and so on."""
    found = [process]
    while found[-1] > 1 and len(found) < 64:
        try:
            with open(f"/proc/{found[-1]}/stat", "rb") as file:
                found.append(int(file.read().rpartition(b") ")[2].split()[1]))
        except OSError:
            break
    return found
