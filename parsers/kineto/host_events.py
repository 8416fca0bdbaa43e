"""The host's side of a trace: calls into CUDA and named ranges, as columns."""

from array import array

import numpy as np
import pyarrow as pa

from ...stats.arrays import Int64
from ..attribution import CorrelationIds
from ..events import Spans
from .events import KinetoEvent

Threads = dict[tuple[str | None, str | None], int]  # (process, thread) to its number


class HostEvents:
    """Calls or ranges, added one by one; `threads` numbers the threads of both.

    without_time: number of events left out because their times are not readable.
    nameless: number of events without a name, which is "".
    processes: the processes of the events, as texts.
    """

    def __init__(self, threads: Threads) -> None:
        self.without_time = 0
        self.nameless = 0
        self.processes: set[str] = set()
        self._threads = threads
        self._start_ns, self._end_ns, self._thread = array("q"), array("q"), array("q")
        self._correlation_id = array("q")
        self._code_of: dict[str, int] = {}
        self._codes = array("i")

    def add(self, event: KinetoEvent) -> None:
        """Add an event if its times are readable."""
        if event.start_ns is None or event.duration_ns is None or event.duration_ns < 0:
            self.without_time += 1
            return
        if event.process is not None:
            self.processes.add(event.process)
        thread = (event.process, event.thread)
        self._start_ns.append(event.start_ns)
        self._end_ns.append(event.start_ns + event.duration_ns)
        self._thread.append(self._threads.setdefault(thread, len(self._threads)))
        self._correlation_id.append(-1 if event.correlation_id is None else event.correlation_id)
        self.nameless += event.name is None
        self._codes.append(self._code_of.setdefault(event.name or "", len(self._code_of)))

    def spans(self, base_ns: int) -> Spans:
        """Times and threads; the file's times count from `base_ns`."""
        start_ns, end_ns, thread = map(_int64, (self._start_ns, self._end_ns, self._thread))
        return Spans(start_ns + base_ns, end_ns + base_ns, thread)

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
