"""The host's clocks, sleeps and timeouts on a rehearsal's time, for every thread of a process."""

import mmap
import os
import select
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from moeprof.tests.rehearsal.virtual_time.server import (
    ASLEEP,
    CANCEL,
    HERE,
    LIMITED,
    NOW,
    PAGE,
    REQUEST,
    SOCKET,
    STARTED,
    TIMEOUT,
)

EPOCH_S: Final = 1.8e9
REAL_WRITE: Final = os.write  # to a file for whose change nobody waits
_LOOK_S: Final = 1e-7  # what a look at the clock costs: a loop that only looks comes to an end
_DEBT_S: Final = 1e-3  # work of the host that is let pass at once


class HostTime:
    """The time of a rehearsal as this process sees it.

    What the host works is added to its own time at once, and let pass for all when it next waits.
    """

    def __init__(self, folder: Path) -> None:
        with (folder / PAGE).open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), LIMITED.size)
        self._socket = str(folder / SOCKET)
        self._debt_s = 0.0
        self._has_started = False
        self._own = threading.local()
        os.register_at_fork(after_in_child=self._after_fork)
        self._say(HERE)

    def now_s(self) -> float:
        """The time, s; it never jumps back."""
        self.work(_LOOK_S)
        return float(NOW.unpack_from(self._page)[0]) + self._debt_s

    def work(self, seconds: float) -> None:
        """Let the host work for some time."""
        self._debt_s += seconds
        if self._debt_s > _DEBT_S:
            self.settle()

    def settle(self) -> None:
        """Let pass what the host has worked."""
        if self._debt_s > 0:
            self.sleep_until(float(NOW.unpack_from(self._page)[0]) + self._debt_s)

    def sleep_until(self, time_s: float) -> None:
        """Wait until a time."""
        self._debt_s = 0.0
        now_s, limit_s, thread = LIMITED.unpack_from(self._page)
        if time_s <= now_s:
            return
        alone = thread == threading.get_native_id() and not self._has_started
        if alone and time_s <= limit_s:
            NOW.pack_into(self._page, 0, time_s)
        else:
            self._say(ASLEEP, time_s).recv(1)

    def started(self, process: int) -> None:
        """Hold the time still until a process that was started here knows the clock, or ends.

        From now on nothing goes on here by itself: processes started here are waked in more ways
        than `wake` knows.
        """
        self._has_started = True
        self._say(STARTED, process)

    def wake(self) -> None:
        """Go on no more by oneself, since another process may be waked now."""
        now_s, _, thread = LIMITED.unpack_from(self._page)
        if thread == threading.get_native_id():
            LIMITED.pack_into(self._page, 0, now_s, 0.0, 0)

    def begin_timeout(self, seconds: float) -> socket.socket:
        """Give a socket that can be read at the end of a timeout."""
        self.settle()
        return self._say(TIMEOUT, self.now_s() + seconds)

    def end_timeout(self) -> None:
        """End a timeout early."""
        self._say(CANCEL).recv(1)

    def _say(self, kind: bytes, number: float = 0.0) -> socket.socket:
        connection: socket.socket | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            connection.connect(self._socket)
            self._own.connection = connection
        thread = threading.get_native_id()
        connection.send(REQUEST.pack(kind, os.getpid(), thread, number))
        return connection

    def _after_fork(self) -> None:
        self._own = threading.local()
        self._say(HERE)


class _Poll:
    """A select.poll whose timeouts are of a rehearsal's time."""

    def __init__(self, time_: HostTime, real: Any) -> None:
        self._time = time_
        self._real = real
        self.register, self.modify = real.register, real.modify
        self.unregister = real.unregister

    def poll(self, timeout_ms: float | None = None) -> list[tuple[int, int]]:
        if timeout_ms is None or timeout_ms < 0:
            self._time.settle()
            return list(self._real.poll())
        ready = list(self._real.poll(0))
        if ready or timeout_ms == 0:
            return ready
        clock = self._time.begin_timeout(timeout_ms / 1000)
        self._real.register(clock, select.POLLIN)
        ready = [one for one in self._real.poll() if one[0] != clock.fileno()]
        self._real.unregister(clock)
        self._time.end_timeout()
        return ready


def install(folder: Path) -> HostTime:
    """Put this process on the time of `folder`: its clocks, sleeps, and the timeouts of polls.

    Waits for a process of its own stay real, and so do those of locks and threads.
    """
    subprocess.time = SimpleNamespace(sleep=time.sleep)  # type: ignore[attr-defined]
    host = HostTime(folder)
    clocks: dict[int, Callable[[], float]] = {
        time.CLOCK_MONOTONIC: host.now_s,
        time.CLOCK_BOOTTIME: host.now_s,
        time.CLOCK_REALTIME: lambda: EPOCH_S + host.now_s(),
    }

    def write(file: int, data: Any) -> int:
        host.wake()
        return REAL_WRITE(file, data)

    os.write = write
    real_clock_ns, real_poll = time.clock_gettime_ns, select.poll
    real_popen: Any = subprocess.Popen

    def clock_ns(clock: int) -> int:
        return round(clocks[clock]() * 1e9) if clock in clocks else real_clock_ns(clock)

    class Popen(real_popen):  # type: ignore[misc]
        def __init__(self, *words: Any, **options: Any) -> None:
            super().__init__(*words, **options)
            host.started(self.pid)

    replaced = {
        "monotonic": host.now_s,
        "perf_counter": host.now_s,
        "monotonic_ns": lambda: round(host.now_s() * 1e9),
        "perf_counter_ns": lambda: round(host.now_s() * 1e9),
        "time": lambda: EPOCH_S + host.now_s(),
        "time_ns": lambda: round((EPOCH_S + host.now_s()) * 1e9),
        "clock_gettime_ns": clock_ns,
        "clock_gettime": lambda clock: clock_ns(clock) / 1e9,
        "sleep": lambda seconds: host.sleep_until(host.now_s() + seconds),
    }
    for name, value in replaced.items():
        setattr(time, name, value)
    replaced_poll: Any = lambda: _Poll(host, real_poll())  # noqa: E731
    setattr(select, "poll", replaced_poll)  # noqa: B010
    setattr(subprocess, "Popen", Popen)  # noqa: B010
    return host
