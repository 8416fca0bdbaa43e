"""Logs rows beside a server that routes: it is never stopped, and never waits for a disk."""

import atexit
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, Protocol, Self

from ...store.errors import BadInput, path_argument
from ...store.files import reason
from ..after_fork import call_in_child
from .csv_log import CsvLog
from .parquet_log import ParquetLog
from .row import Cell, MetricsRow, cells

FLUSH_S: Final = 0.5  # a killed process loses the rows since the last flush
RETRY_S: Final = 5.0  # a log that could not be opened is tried again then
MOST_ROWS: Final = 10_000  # so many wait for a disk; of more, the new ones are lost
CLOSE_S: Final = 10.0  # a disk may take so long at the end
_LOG: Final = logging.getLogger(__name__)


class _Log(Protocol):
    """A log in one format."""

    def add(self, rows: list[list[Cell]]) -> None: ...
    def is_at_path(self) -> bool: ...
    def tidy(self) -> None: ...
    def close(self) -> None: ...
    def abandon(self) -> None: ...


_FORMATS: Final[dict[str, type[CsvLog] | type[ParquetLog]]] = {
    ".csv": CsvLog,
    ".parquet": ParquetLog,
}


class MetricsLogger:
    """Adds rows to a log: a CSV file where `path` ends in .csv, a folder of Parquet in .parquet.

    `log` only puts a row into a queue; a daemon thread writes twice a second. A log that is there
    is added to. What the disk refuses, be it full or not writable, is tried again: up to 10,000
    rows wait, later ones are lost and counted. That is said once, as a warning of Python's logging.
    In a forked process rows are lost: it has no thread, and the log is its parent's.

    Raises BadInput for another ending, for a log that another logger writes, and for a file that is
    no such log.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = path_argument("path", path)
        if self._path.suffix not in _FORMATS:
            raise BadInput(
                f"{self._path} names no format of a log", hint="end it in .csv or .parquet"
            )
        self._queue: deque[MetricsRow] = deque()
        self._pending: list[list[Cell]] = []  # cells of rows that were taken from the queue
        self._lost = 0
        self._lock = threading.RLock()  # it guards `_lost`; a signal may log too
        self._told: set[str] = set()
        self._refusal: str | None = None  # why no row is taken
        self._log: _Log | None = None
        self._retry_s = 0.0  # when it may be opened again
        try:
            self._open()
        except BadInput:
            raise
        except Exception as error:
            self._retry_s = time.monotonic() + RETRY_S
            self._tell("write", error)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._write, name="moeprof-metrics", daemon=True)
        call_in_child(self._forked)
        self._thread.start()
        atexit.register(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    @property
    def lost(self) -> int:
        """How many rows were lost."""
        return self._lost

    def log(self, row: MetricsRow) -> None:
        """Log a row. It raises nothing and waits for nothing; a row that finds no room is lost."""
        if self._refusal is None and len(self._queue) + len(self._pending) < MOST_ROWS:
            self._queue.append(row)
            return
        self._lose(1)
        self._tell("log", self._refusal or f"{MOST_ROWS} rows wait for the disk")

    def close(self) -> None:
        """Write what waits, and close the log; a disk that hangs is waited for ten seconds."""
        if self._refusal is not None:
            return
        self._refusal = "the log is closed"
        self._closing.set()
        atexit.unregister(self.close)
        self._thread.join(CLOSE_S)
        if self._thread.is_alive():
            self._tell("close", "the disk does not answer")
        unwritten = len(self._queue) + len(self._pending)
        self._lose(unwritten)
        if unwritten:
            self._tell("end", f"it was closed before {unwritten} rows were written")

    def _write(self) -> None:
        """What the thread does."""
        while not self._closing.wait(FLUSH_S):
            self._flush()
        self._flush()
        if self._log is not None:
            self._try("close", self._log.close)

    def _flush(self) -> None:
        """Write all rows that wait; they wait on where that fails."""
        if self._log is not None and not self._log.is_at_path():
            moved, self._log = self._log, None
            self._try("write", moved.abandon)
        if self._log is None and not self._reopened():
            return
        assert self._log is not None
        self._take()
        if self._pending:
            if not self._try("write", partial(self._log.add, self._pending)):
                return
            self._pending.clear()
            self._told.discard("write")
        self._try("tidy", self._log.tidy)

    def _reopened(self) -> bool:
        """Open the log, unless that failed a moment ago: it may have much to read."""
        if time.monotonic() < self._retry_s:
            return False
        self._retry_s = time.monotonic() + RETRY_S
        return self._try("write", self._open)

    def _take(self) -> None:
        """Make cells of the rows that wait. Each is in the queue or pending at any moment."""
        for _ in range(len(self._queue)):
            made = self._cells(self._queue[0])
            if made is not None:
                self._pending.append(made)
            self._queue.popleft()

    def _open(self) -> None:
        self._log = _FORMATS[self._path.suffix](self._path)

    def _cells(self, row: MetricsRow) -> list[Cell] | None:
        """The cells of a row; None, and it is lost, where one is of another type."""
        try:
            return cells(row, self._lost)
        except Exception as error:
            self._lose(1)
            self._tell("cells", error)
            return None

    def _try(self, what: str, action: Callable[[], None]) -> bool:
        """Do it; where it fails, say so, once for each of these words."""
        try:
            action()
        except Exception as error:  # a disk's or pyarrow's: the server goes on
            self._tell(what, error)
            return False
        return True

    def _lose(self, rows: int) -> None:
        with self._lock:
            self._lost += rows

    def _tell(self, what: str, why: Exception | str) -> None:
        if what in self._told:
            return
        self._told.add(what)
        words = reason(why) if isinstance(why, OSError) else str(why) or type(why).__name__
        _LOG.warning(
            "the log of metrics %s: %s; rows lost so far: %d", self._path, words, self._lost
        )

    def _forked(self) -> None:
        """In a forked process: take no row, and leave the log to the process that writes it."""
        self._lock = threading.RLock()
        if self._refusal is None:
            self._refusal = "this process was forked from the one that writes it"
            if self._log is not None:
                self._log.abandon()
