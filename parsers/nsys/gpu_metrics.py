"""GPU metrics of an nsys export as the table `gpu_samples`, whatever their names and layout.

Ids of metrics change from capture to capture and their names from version to version, so a metric
is known by its cleaned-up name. There is no power and no temperature among them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from ...stats.arrays import Float64, Int64
from ...store.errors import BadInput
from ...store.table_schemas import METRIC_COLUMNS
from ...store.tables import table_from_columns
from ..events import Samples
from .export import NsysExport, open_export
from .gpu_metric_layouts import Readings, read_layouts

_KEPT_BACK: Final = 4096  # samples

_PATTERNS: Final = {
    "sm_active_pct": r"sms? active",
    "sm_issue_pct": r"sm issue",
    "tensor_active_pct": r"tensor active",
    "warps_in_flight_pct": r"compute warps in flight",
    "dram_read_pct": r"dram read (throughput|bandwidth)",
    "dram_write_pct": r"dram write (throughput|bandwidth)",
    "pcie_rx_pct": r"pcie rx throughput",
    "pcie_tx_pct": r"pcie tx throughput",
    "nvlink_rx_pct": r"nvlink rx (throughput|(requests|responses) (protocol|user) data)",
    "nvlink_tx_pct": r"nvlink tx (throughput|(requests|responses) (protocol|user) data)",
    "gpc_clock_mhz": r"gpc clock frequency",
    "sys_clock_mhz": r"sys clock frequency",
}
_UNITS: Final = {"pct": ("", "throughput %"), "mhz": ("", "mhz")}
_GPU_BITS: Final = 0xFF  # of a typeId
_HIGHEST_MHZ: Final = 1e5  # no clock reaches 100 GHz: above it a value is in Hz, labelled MHz
_CLOCKS: Final = [place for place, name in enumerate(METRIC_COLUMNS) if name.endswith("_mhz")]
_LOOKS: Final = 1000


def metric_column(name: str) -> str | None:
    """Column of METRIC_COLUMNS that a metric's name belongs to; None for any other metric.

    >>> metric_column("SMs Active [Throughput %]")
    'sm_active_pct'
    """
    found = re.fullmatch(r"\s*([^\[]*?)\s*(?:\[([^\]]*)\])?\s*", name.lower())
    if found is None:
        return None
    label, unit = found.group(1), (found.group(2) or "").strip()
    for column, pattern in _PATTERNS.items():
        if re.fullmatch(pattern, label) and unit in _UNITS[column.rpartition("_")[2]]:
            return column
    return None


def read_gpu_samples(path: Path, epoch_ns: int) -> Iterator[Samples]:
    """Yield `gpu_samples` in pieces, in order of time within each stream.

    `recording` is null in them: who reads a file does not know which recording it is of.
    A time is session time plus `epoch_ns`; samples from before the session are dropped. Raises
    BadInput where the export is damaged.
    """

    def place(name: str) -> int:
        column = metric_column(name)
        return -1 if column is None else METRIC_COLUMNS.index(column)

    with open_export(path) as export:
        streams: dict[int, _Stream] = {}
        by_time = not _in_order(export)
        for readings in read_layouts(export, export.strings(), place, by_time):
            for type_id, ones in readings.by_type():
                stream = streams.setdefault(type_id, _Stream(type_id, epoch_ns, path))
                yield from stream.add(ones)
        for stream in streams.values():
            yield from stream.rest()


def _in_order(export: NsysExport) -> bool:
    """Whether a look at rows all over the file finds each type's samples in order of time.

    nsys writes them so. A stream puts small disorder right; for more SQLite must sort them all.
    """
    return all(
        (np.diff(rows[:, 1][rows[:, 0] == type_id]) >= 0).all()
        for table in ("GPU_METRICS", "GENERIC_EVENTS")
        for rows in [export.spread(table, ["typeId", "timestamp|rawTimestamp"], _LOOKS)]
        for type_id in np.unique(rows[:, 0])
    )


class _Stream:
    """Collects the readings of one type and gives them away as samples, oldest first.

    The youngest samples are kept back until more come: a sample's readings come one by one, and
    perhaps not quite in order.
    """

    def __init__(self, type_id: int, epoch_ns: int, path: Path) -> None:
        self._type_id = type_id
        self._epoch_ns = epoch_ns
        self._path = path
        self._kept = _Wide(np.zeros(0, dtype=np.int64), {})
        self._given_until_ns = -1

    def add(self, readings: Readings) -> Iterator[Samples]:
        """Take readings in, and give away what has become old enough."""
        wide = _wide(readings)
        if wide.time_ns[0] <= self._given_until_ns:
            raise BadInput(
                f"{self._path}: a GPU metric of {wide.time_ns[0]} ns stands behind those of"
                f" {self._given_until_ns} ns",
                hint="export the report again with `nsys export --type sqlite`",
            )
        self._kept = _joined(self._kept, wide)
        old = len(self._kept.time_ns) - _KEPT_BACK
        if old > 0:
            yield self._give(old)

    def rest(self) -> Iterator[Samples]:
        """Give away what is left."""
        if len(self._kept.time_ns):
            yield self._give(len(self._kept.time_ns))

    def _give(self, count: int) -> Samples:
        given, self._kept = self._kept.slice(0, count), self._kept.slice(count, None)
        self._given_until_ns = int(given.time_ns[-1])
        columns: dict[str, Any] = {
            "gpu": np.full(count, self._type_id & _GPU_BITS, dtype=np.int32),
            "time_ns": given.time_ns + self._epoch_ns,
        }
        for place, values in given.columns.items():
            columns[METRIC_COLUMNS[place]] = pa.array(values, from_pandas=True)
        return Samples(self._type_id, table_from_columns("gpu_samples", columns))


@dataclass(frozen=True, slots=True, eq=False)
class _Wide:
    """One row per time, ascending, and a column per metric by its place; NaN for null."""

    time_ns: Int64
    columns: dict[int, Float64]

    def slice(self, first: int, last: int | None) -> "_Wide":
        columns = {place: values[first:last] for place, values in self.columns.items()}
        return _Wide(self.time_ns[first:last], columns)


def _wide(readings: Readings) -> _Wide:
    """Put the readings of one time side by side; NVLink's parts add up in one column."""
    time, place, value = readings.time_ns, readings.place, readings.value
    if (np.diff(time) < 0).any():
        order = np.argsort(time, kind="stable")
        time, place, value = time[order], place[order], value[order]
    first = np.append(True, np.diff(time) != 0)
    row = np.cumsum(first) - 1
    rows, columns = int(row[-1]) + 1, {}
    for one in np.flatnonzero(np.bincount(place, minlength=len(METRIC_COLUMNS))).tolist():
        here = np.flatnonzero(place == one)
        at, values = row[here], value[here]
        if len(at) != rows or (at != np.arange(rows)).any():  # a sample lacks it, or has its parts
            values = _summed(at, values, rows)
        in_hz = one in _CLOCKS and values > _HIGHEST_MHZ
        columns[one] = np.where(in_hz, values / 1e6, values) if one in _CLOCKS else values
    return _Wide(time[first], columns)


def _joined(earlier: _Wide, later: _Wide) -> _Wide:
    """Put samples together, in order of time; readings of one time make one sample."""
    time = np.concatenate([earlier.time_ns, later.time_ns])
    row = None
    if len(earlier.time_ns) and earlier.time_ns[-1] >= later.time_ns[0]:
        time, row = np.unique(time, return_inverse=True)
    columns = {}
    for place in sorted(earlier.columns.keys() | later.columns.keys()):
        values = np.concatenate(
            [
                each.columns.get(place, np.full(len(each.time_ns), np.nan))
                for each in (earlier, later)
            ]
        )
        columns[place] = values if row is None else _summed(row, values, len(time))
    return _Wide(time, columns)


def _summed(row: Int64, values: Float64, rows: int) -> Float64:
    known = np.isfinite(values)
    summed = np.bincount(row[known], values[known], rows).astype(np.float64)
    summed[np.bincount(row[known], minlength=rows) == 0] = np.nan
    return summed
