"""The host's side of a trace: calls into CUDA and named ranges, as columns."""

from array import array
from collections import Counter

import numpy as np
import pyarrow as pa

from ...stats.arrays import Int64
from ..events import NOWHERE, UNNAMED, Spans
from ..launching import CorrelationIds
from .events import KinetoEvent
from .kernels import has_time


class Threads:
    """Numbers the threads of calls and ranges."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str | None, str | None], int] = {}

    def number(self, process: str | None, thread: str | None) -> int:
        """Return the number of a thread; NOWHERE for none."""
        if thread is None:
            return NOWHERE
        return self._numbers.setdefault((process, thread), len(self._numbers))

    def joined(self, known: str | None) -> Int64:
        """Number of each thread, and of none, int64 [threads + 1].

        A thread of no process is the one of the process `known`, if that is not None.
        """
        numbers = self._numbers
        joined = [
            number if known is None or is_process(process) else numbers.get((known, thread), number)
            for (process, thread), number in numbers.items()
        ]
        return np.asarray([*joined, NOWHERE], dtype=np.int64)  # NOWHERE is its own index


def is_process(process: str | None) -> bool:
    """Whether a pid is one: a number that is not negative."""
    return process is not None and process.isdecimal()


class HostEvents:
    """Calls or ranges, added one by one; `threads` numbers the threads of both.

    without_time: number of events left out because their times are not readable.
    nameless: number of events without a name, which is UNNAMED.
    processes: number of events of each process, which is a text or None.
    unplaced: number of events on no thread.
    """

    def __init__(self, threads: Threads) -> None:
        self.without_time = 0
        self.nameless = 0
        self.unplaced = 0
        self.processes: Counter[str | None] = Counter()
        self._threads = threads
        self._start_ns, self._end_ns, self._thread = array("q"), array("q"), array("q")
        self._correlation_id = array("q")
        self._code_of: dict[str, int] = {}
        self._codes = array("i")

    def add_call(self, event: KinetoEvent) -> None:
        """Add a call; one without a readable time is on no thread, and its kernel in no range."""
        if not has_time(event):
            event = event._replace(start_ns=0, duration_ns=0, thread=None)
        self.add(event)

    def add(self, event: KinetoEvent) -> None:
        """Add an event if its times are readable."""
        if event.start_ns is None or event.duration_ns is None or event.duration_ns < 0:
            self.without_time += 1
            return
        self.processes[event.process] += 1
        self.unplaced += event.thread is None
        self._start_ns.append(event.start_ns)
        self._end_ns.append(event.start_ns + event.duration_ns)
        self._thread.append(self._threads.number(event.process, event.thread))
        self._correlation_id.append(-1 if event.correlation_id is None else event.correlation_id)
        self.nameless += event.name is None
        name = UNNAMED if event.name is None else event.name
        self._codes.append(self._code_of.setdefault(name, len(self._code_of)))

    def spans(self, base_ns: int, known: str | None) -> Spans:
        """Times and threads; the file's times count from `base_ns`.

        An event whose pid is no number counts as of the process `known`, if that is not None.
        """
        start_ns, end_ns, thread = map(_int64, (self._start_ns, self._end_ns, self._thread))
        thread = self._threads.joined(known)[thread]
        return Spans(start_ns + base_ns, end_ns + base_ns, thread)

    def without_process(self) -> int:
        """Number of events whose pid is none."""
        return sum(count for process, count in self.processes.items() if not is_process(process))

    def correlation_ids(self) -> CorrelationIds:
        """Correlation ids, all of one process."""
        return correlation_ids(_int64(self._correlation_id))

    def names(self) -> "pa.StringArray":
        """The name of each event."""
        names = pa.array(list(self._code_of), pa.string())
        return names.take(pa.array(self._codes, pa.int32()))


def correlation_ids(ids: Int64) -> CorrelationIds:
    """Ids of events of one process; a negative one is none."""
    return CorrelationIds(np.zeros(len(ids), dtype=np.int64), ids, ids >= 0)


def _int64(values: "array[int]") -> Int64:
    return np.frombuffer(values, dtype=np.int64) if values else np.zeros(0, dtype=np.int64)
