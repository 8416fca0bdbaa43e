"""Records a device's sensors beside a load, by a process of its own, into a power log."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

from ...store.errors import CannotMeasure
from ..process.line_process import LineProcess, ProcessEnded
from .recording_process import MODULE
from .sensor_log import Header, Row, rows_of, write_log

_START_S: Final = 60.0  # an interpreter and NVML, on a busy machine
_STOP_S: Final = 10.0  # it looks for requests ten times a second


class RecorderEnded(CannotMeasure):
    """The recorder failed while it recorded; the message says how."""


class SensorRecorder:
    """Records one power log after another. Its process starts with the first and ends on leaving.

    It ends too when moeprof is gone, in whatever way. One that died is replaced for the next log.
    """

    def __init__(self) -> None:
        self._file = os.memfd_create("moeprof-readings")  # writing to memory never waits for a disk
        self._process: LineProcess | None = None
        self._rows: list[Row] = []
        self._read_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._end()
        os.close(self._file)

    @contextmanager
    def record(self, device: str, path: Path) -> Iterator[Self]:
        """Record `device` (device_sensors.py) in the block, then write the log to `path`.

        Raises CannotMeasure on entering where there are no sensors or no process can be started.
        Leaving writes the log also after an error, and after one of the recorder, which raises
        RecorderEnded; it raises BadInput where the log cannot be written.
        """
        header = self._begin(device)
        try:
            yield self
        finally:
            fault = self._stop()
            write_log(path, header, self.rows())
        if fault is not None:
            raise RecorderEnded(f"the recorder of the sensors failed: {fault}")

    @property
    def processes(self) -> tuple[int, ...]:
        """Ids of the recording process and of its supervisor."""
        return () if self._process is None else self._process.processes()

    def rows(self) -> list[Row]:
        """Readings of this log so far."""
        new_bytes = os.fstat(self._file).st_size - self._read_bytes
        text = os.pread(self._file, new_bytes, self._read_bytes)
        whole = text[: text.rfind(b"\n") + 1]
        self._read_bytes += len(whole)
        self._rows += rows_of(whole.decode())
        return self._rows

    def _begin(self, device: str) -> Header:
        """Begin to record; a process that died since the last log is replaced."""
        was_running = self._process is not None
        try:
            answer = self._ask_to_record(device)
        except ProcessEnded as end:
            self._end()
            if was_running:
                return self._begin(device)
            raise CannotMeasure(f"the recorder of the sensors does not start: {end}") from end
        if "refused" in answer:
            raise CannotMeasure(answer["refused"], hint=answer["hint"])
        header: Header = answer["header"]
        return header

    def _ask_to_record(self, device: str) -> Any:
        if self._process is None:
            command = [sys.executable, "-P", "-m", MODULE, str(self._file), str(os.getpid())]
            self._process = LineProcess(command, kept_fds=[self._file])
            self._process.answer(_START_S)
        os.ftruncate(self._file, 0)
        os.lseek(self._file, 0, os.SEEK_SET)  # the process writes at the same offset
        self._rows, self._read_bytes = [], 0
        return json.loads(self._process.ask(f"record {device}", _START_S))

    def _stop(self) -> str | None:
        """End the recording; return what is wrong with it, None where nothing is."""
        assert self._process is not None
        try:
            recorded = json.loads(self._process.ask("stop", _STOP_S))["rows"]
        except ProcessEnded as end:
            self._end()
            return str(end)
        arrived = len(self.rows())
        return None if arrived == recorded else f"{arrived} of its {recorded} readings arrived"

    def _end(self) -> None:
        if self._process is not None:
            self._process.__exit__()
            self._process = None
