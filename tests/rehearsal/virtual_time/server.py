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

_LOOK_S: Final = (0.001, 0.008)  # between two looks at threads that run: at first, and at most
_RUNNING: Final = "RD"  # states of a thread that runs, or waits for a disk
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
        look_s = _LOOK_S[0]
        while not self._closed.is_set():
            events = self._selector.select(look_s)
            look_s = _LOOK_S[0] if events else min(2 * look_s, _LOOK_S[1])
            for key, _ in events:
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    self._hear(self._threads[key.fileobj])  # type: ignore[index]
            if not self._selector.select(0):
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
        if self._selector.select(0):  # from a thread that rests only since it has asked
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

        Threads that do not know the clock, and processes that have left it, count as well. Threads
        can be looked at only one after the other, and one may wake another that was seen before it:
        so all must have rested from one look to the next.
        """
        self._starting &= {pid for pid in self._starting if _lives(pid)}
        if self._starting:
            return True
        seen = self._look()
        return any(state in _RUNNING for state, _ in seen.values()) or self._look() != seen

    def _look(self) -> dict[str, tuple[str, bytes]]:
        """What each thread does but those asleep, and how long it has run so far."""
        asleep = {
            f"/proc/{one.process}/task/{one.thread}"
            for one in self._threads.values()
            if one.kind == ASLEEP and one.until_s is not None
        }
        seen = {}
        for process in [*self._processes]:
            threads = _threads(process)
            if not threads:
                self._processes.remove(process)
            for one in threads - asleep:
                seen[one] = _state(f"{one}/stat"), _read(f"{one}/schedstat")
        return seen

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


def _threads(process: int) -> set[str]:
    """Folder of each thread of a process; none where it is gone."""
    folder = f"/proc/{process}/task"
    try:
        return {f"{folder}/{one}" for one in os.listdir(folder)}
    except OSError:
        return set()


def _state(stat: str) -> str:
    """State letter of a process or thread as in proc(5); "X", dead, where it is gone."""
    return (_read(stat).rpartition(b") ")[2][:1] or b"X").decode()


def _read(path: str) -> bytes:
    """Content of a small file of /proc; nothing where it is gone."""
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(file, 4096)
    except OSError:
        return b""
    finally:
        os.close(file)


def _ancestors(process: int) -> list[int]:
    """A process, its parent, and so on."""
    found = [process]
    while found[-1] > 1 and len(found) < 64:
        stat = _read(f"/proc/{found[-1]}/stat")
        if not stat:
            break
        found.append(int(stat.rpartition(b") ")[2].split()[1]))
    return found
