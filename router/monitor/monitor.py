"""Watches a GPU by a thread: any number of readers take its last snapshot without waiting."""

import atexit
import threading
import time
from typing import Final, Self

from ...store.errors import BadInput, CannotMeasure
from ..after_fork import call_in_child
from .nvml_source import NvmlSource
from .pressure import PressureLimits
from .snapshot import MonitorState, Snapshot
from .source import NoSensors, Source
from .watched import in_state, watched

_HISTORY: Final = 600  # snapshots: a minute
_SILENT_S: Final = 1.0  # ten rounds
JOIN_S: Final = 3.0  # a call of NVML that hangs must not hang the end of the process
_TOO_OLD: Final = "the readings are older than a second: NVML answers slowly or not at all"
_NS: Final = 1e9


class GpuSystemMonitor:
    """Watches the device of a source while it is started.

    A reader's call takes no lock and waits for no sensor: snapshots are immutable, and a new one
    takes the place of the last in one step. `history` is how many are kept. The thread is a daemon,
    is joined by `stop`, and is stopped when the interpreter exits. A forked process has a copy
    without a thread, which says so; `start` there starts one.

    Where readings fail the monitor says LOST, since when and why, and tries again once a second.
    """

    def __init__(
        self,
        source: Source | NoSensors,
        limits: PressureLimits | None = None,
        history: int = _HISTORY,
    ) -> None:
        if history < 1:
            raise BadInput(f"history is {history} snapshots, and must be 1 or more")
        self._source = source
        self._limits = limits or PressureLimits()
        self._most = history
        self._thread: threading.Thread | None = None
        self._lock = threading.RLock()  # it guards what replaces `_seen`; no reader takes it
        self._stopping = threading.Event()
        now_s = time.monotonic()
        first = Snapshot(now_s, MonitorState.STOPPED, now_s, "it was not started")
        if isinstance(source, NoSensors):
            first = Snapshot(now_s, MonitorState.ABSENT, now_s, source.reason)
        self._seen: tuple[Snapshot, ...] = (first,)
        call_in_child(self._forked)

    @classmethod
    def of_gpu(cls, uuid: str | None = None, limits: PressureLimits | None = None) -> Self:
        """The monitor of one GPU, by default of the only one.

        Where no GPU is named and none can be watched it is a monitor without sensors, which is
        ABSENT and says why. Raises CannotMeasure where the named one cannot be watched, and
        BadInput where there are several and none is named.
        """
        try:
            return cls(NvmlSource.of(uuid), limits)
        except CannotMeasure as why:
            if uuid is not None:
                raise
            return cls(NoSensors(why.message), limits)

    def start(self) -> Self:
        """Start to watch; nothing where it does, or where there are no sensors."""
        with self._lock:
            if self._thread is None and not isinstance(self._source, NoSensors):
                self._stopping = threading.Event()
                pace = _ThreadPace(self._stopping)
                self._enter(MonitorState.STARTING)
                self._thread = threading.Thread(
                    target=self._watch,
                    args=(self._source, pace),
                    name="moeprof-monitor",
                    daemon=True,
                )
                self._thread.start()
                atexit.register(self.stop)
        return self

    def stop(self) -> None:
        """Stop to watch; nothing where it does not. Waits 3 s at most for a call that hangs."""
        with self._lock:
            thread, self._thread = self._thread, None
            if thread is None:
                return
            self._stopping.set()
            self._enter(MonitorState.STOPPED)
        atexit.unregister(self.stop)
        thread.join(JOIN_S)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *raised: object) -> None:
        self.stop()

    def snapshot(self) -> Snapshot:
        """The last snapshot; SILENT where its readings are older than a second."""
        seen = self._seen[-1]
        if seen.is_present and time.monotonic() - seen.at_s > _SILENT_S:
            return in_state(seen, MonitorState.SILENT, seen.at_s, _TOO_OLD)
        return seen

    def history(self) -> tuple[Snapshot, ...]:
        """The last snapshots, the newest one last."""
        return self._seen

    def _watch(self, source: Source, pace: "_ThreadPace") -> None:
        """What the thread does."""
        for snapshot in watched(source, self._limits, pace, self._seen[-1]):
            self._publish(pace, snapshot)

    def _publish(self, pace: "_ThreadPace", snapshot: Snapshot) -> None:
        """Keep a new snapshot, unless the thread that made it is to stop."""
        with self._lock:
            if not pace.stopping.is_set():
                self._keep(snapshot)

    def _enter(self, state: MonitorState) -> None:
        self._keep(in_state(self._seen[-1], state, time.monotonic()))

    def _keep(self, snapshot: Snapshot) -> None:
        self._seen = (*self._seen[1 - self._most :], snapshot) if self._most > 1 else (snapshot,)

    def _forked(self) -> None:
        """In a forked process: say that it has no thread. The locks may be held by one."""
        self._lock = threading.RLock()
        if self._thread is not None:
            self._thread = None
            self._enter(MonitorState.FORKED)


class _ThreadPace:
    """The clock of this host, and an event that says to stop."""

    def __init__(self, stopping: threading.Event) -> None:
        self.stopping = stopping

    def now_ns(self) -> int:
        """CLOCK_MONOTONIC, ns."""
        return time.monotonic_ns()

    def wait_until(self, time_ns: int) -> bool:
        """Wait until a time, or until the thread is to stop: then it is True."""
        return self.stopping.wait(max(0.0, (time_ns - time.monotonic_ns()) / _NS))
