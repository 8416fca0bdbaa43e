"""A power log of a run, replayed at its own speed as if it were read now (energy/power_log.py)."""

from collections.abc import Iterator
from heapq import merge
from pathlib import Path
from typing import Final

from ...device.nvml import NvmlCode, Reading
from ...energy.power_log import CLOCK_BOOT, CLOCK_EPOCH, Series, read_power_log
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
        clocks = (CLOCK_EPOCH, CLOCK_BOOT)
        self._series = {name: one for name, one in log.readings.items() if name not in clocks}
        if not self._series:
            raise BadInput(f"{path} holds no reading of a sensor", hint="name another power log")

    def rounds(self, pace: Pace) -> Iterator[Round]:
        """Give the rows of each 100 ms when their time has come, until the log ends.

        Times are shifted: the first reading of the log is made now.
        """
        first_ns = min(int(series.begin_ns[0]) for series in self._series.values())
        shift_ns = pace.now_ns() - first_ns
        due_ns = pace.now_ns() + _ROUND_NS
        rows: Round = []
        each = (_rows(name, series, shift_ns) for name, series in self._series.items())
        for row in merge(*each, key=lambda row: row.end_ns):
            while row.end_ns > due_ns:
                if pace.wait_until(due_ns):
                    return
                if rows:
                    yield rows
                rows, due_ns = [], due_ns + _ROUND_NS
            rows.append(row)
        yield rows


def _rows(name: str, series: Series, shift_ns: int) -> Iterator[Row]:
    """The readings of one sensor, at times that are so much later."""
    columns = (series.begin_ns, series.end_ns, series.code, series.value)
    for begin_ns, end_ns, code, value in zip(*columns, strict=True):
        reading = Reading(name, int(code), int(value) if code == NvmlCode.SUCCESS else None)
        yield Row(int(begin_ns) + shift_ns, int(end_ns) + shift_ns, reading)
