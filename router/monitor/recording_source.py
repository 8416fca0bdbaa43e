"""A power log of a run, replayed at its own speed as if it were read now (energy/power_log.py)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from ...device.nvml import NvmlCode, Reading
from ...energy.power_log import CLOCK_BOOT, CLOCK_EPOCH, PowerLog, Series, read_power_log
from ...store.errors import BadInput
from .source import Device, Pace, Round, Row

_ROUND_NS: Final = 100_000_000


class RecordingSource:
    """The readings of a power log, `power.csv` of a run's `raw/power/`.

    Raises BadInput where it is none, or holds no reading of a sensor.
    """

    def __init__(self, path: Path) -> None:
        log = read_power_log(path)
        self.device = Device(log.gpu_name, log.sensor)
        self._rows = _rows(log)
        if not self._rows:
            raise BadInput(f"{path} holds no reading of a sensor", hint="name another power log")

    def rounds(self, pace: Pace) -> Iterator[Round]:
        """Give the rows of each 100 ms when their time has come, until the log ends.

        Times are shifted: the first reading of the log is made now.
        """
        shift_ns = pace.now_ns() - self._rows[0].begin_ns
        rows: Round = []
        due_ns = pace.now_ns() + _ROUND_NS
        for row in self._rows:
            shifted = Row(row.begin_ns + shift_ns, row.end_ns + shift_ns, row.reading)
            while shifted.end_ns > due_ns:
                if pace.wait_until(due_ns):
                    return
                if rows:
                    yield rows
                rows, due_ns = [], due_ns + _ROUND_NS
            rows.append(shifted)
        yield rows


def _rows(log: PowerLog) -> Round:
    """Every reading of a log's sensors in order of time."""
    series = {k: v for k, v in log.readings.items() if k not in (CLOCK_EPOCH, CLOCK_BOOT)}
    rows = (row for name, readings in series.items() for row in _rows_of(name, readings))
    return sorted(rows, key=lambda row: row.end_ns)


def _rows_of(name: str, series: Series) -> Iterator[Row]:
    values = np.where(np.isnan(series.value), 0, series.value).astype(np.int64).tolist()
    columns = (series.begin_ns.tolist(), series.end_ns.tolist(), series.code.tolist(), values)
    for begin_ns, end_ns, code, value in zip(*columns, strict=True):
        reading = Reading(name, code, value if code == NvmlCode.SUCCESS else None)
        yield Row(begin_ns, end_ns, reading)
