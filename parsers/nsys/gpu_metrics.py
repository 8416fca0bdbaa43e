"""GPU metrics of an nsys export as the table `gpu_samples`, whatever their names and layout.

Ids of metrics change between captures and names between versions of nsys, so a metric is found by
its cleaned-up name. Power and temperature are not among them on any GPU: see power.py.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from ...stats.arrays import Float64, Int64
from ...store.errors import BadInput
from ...store.tables.parquet import table_from_columns
from ...store.tables.schemas import METRIC_COLUMNS
from ..events import Samples
from ..messages import TraceWarning
from .clock import SAMPLE_TABLES, SAMPLE_TIME, SessionClock
from .export import NsysExport, open_export
from .gpu_metric_layouts import NOT_WANTED, Readings, read_layouts

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
_GPU_BITS: Final = 0xFF  # where a typeId holds the GPU's id
_MAX_MHZ: Final = 1e5  # no clock reaches 100 GHz: larger values are in Hz under a label of MHz
_MAX_PCT: Final = 110.0  # a throughput may pass its nominal peak a little
_CLOCKS: Final = [index for index, name in enumerate(METRIC_COLUMNS) if name.endswith("_mhz")]
# Metrics that add up to a column; their numbers follow those of METRIC_COLUMNS.
_PARTS: Final = [
    (f"nvlink {way} {kind} {data} data", METRIC_COLUMNS.index(f"nvlink_{way}_pct"))
    for way in ("rx", "tx")
    for kind in ("requests", "responses")
    for data in ("protocol", "user")
]
_BUFFERED_SAMPLES: Final = 4096
_NAMES_TOLD: Final = 5
_CHECKED_ROWS: Final = 1000
_TYPE_ID: Final = {"typeId": pa.int64()}


def metric_column(name: str) -> str | None:
    """Column of METRIC_COLUMNS that a metric's name belongs to; None for any other metric.

    >>> metric_column("SMs Active [Throughput %]")
    'sm_active_pct'
    """
    label, unit = _label_and_unit(name)
    for column, pattern in _PATTERNS.items():
        if re.fullmatch(pattern, label) and unit in _UNITS[column.rpartition("_")[2]]:
            return column
    return None


def _label_and_unit(name: str) -> tuple[str, str]:
    """Split "Label [unit]"; both are in lower case, and "" where the name has another form."""
    label, bracket, rest = name.lower().strip().partition("[")
    unit, end, more = rest.partition("]")
    has_form = not more and bool(bracket) == bool(end)
    return (label.rstrip(), unit.strip()) if has_form else ("", "")


def read_gpu_samples(path: Path, clock: SessionClock, warnings: list[str]) -> Iterator[Samples]:
    """Yield `gpu_samples` in pieces, in order of time within each stream.

    The column `recording` is null. Samples from before the session are dropped. What the user is to
    be warned of is added to `warnings` at the end. Raises BadInput where the export is damaged.
    """
    with open_export(path) as export:
        streams: dict[int, _Stream] = {}
        by_time = not _is_sorted(export)
        for readings in read_layouts(export, export.strings(), clock, _quantity, by_time):
            for type_id, of_type in readings.by_type():
                if type_id < 0:
                    export.left_out[TraceWarning.SAMPLES_OF_NO_GPU] += len(of_type.value)
                    continue
                stream = streams.setdefault(type_id, _Stream(type_id, clock, export))
                yield from stream.add(of_type)
        for stream in streams.values():
            yield from stream.rest()
        if not streams:
            _tell_of_unread(export)
        warnings += [each for each in export.sentences() if each not in warnings]


def _tell_of_unread(export: NsysExport) -> None:
    """Warn where no GPU metric was read because none has a name, or none that is known."""
    rows = export.read("TARGET_INFO_GPU_METRICS", ["typeId", "metricId"], ["metricName"])
    found = rows.drop_null().column("metricName").to_pylist()
    names = {" ".join(str(name).split()) for name in found}
    if not names:
        unnamed = sum(piece.num_rows for piece in export.blocks("GPU_METRICS", _TYPE_ID))
        export.left_out[TraceWarning.UNNAMED_METRICS] += unnamed
    elif not any(metric_column(name) for name in names):
        listed = ", ".join(sorted(names)[:_NAMES_TOLD])
        export.warnings.append(f"{export.path.name} {TraceWarning.METRICS_UNKNOWN}: {listed}")


def _quantity(name: str) -> int:
    """Index into METRIC_COLUMNS of a metric's column, or that of its part plus their number."""
    column, label = metric_column(name), _label_and_unit(name)[0]
    for number, (part, _) in enumerate(_PARTS, start=len(METRIC_COLUMNS)):
        if label == part and column is not None:
            return number
    return NOT_WANTED if column is None else METRIC_COLUMNS.index(column)


def _is_sorted(export: NsysExport) -> bool:
    """Whether a sample of rows from all over the file has ascending times within each typeId.

    nsys writes them so. `_Stream` corrects small disorder; for more, SQLite has to sort all rows.
    """
    return all(
        (np.diff(rows[:, 1][rows[:, 0] == type_id]) >= 0).all()
        for table in SAMPLE_TABLES
        for rows in [export.spread(table, ["typeId", SAMPLE_TIME], _CHECKED_ROWS)]
        for type_id in np.unique(rows[:, 0])
    )


class _Stream:
    """Collects the readings of one typeId and yields them as samples in order of time.

    The latest samples stay in a buffer until more come, because the readings of one sample are
    separate rows of the file and may be slightly out of order.
    """

    def __init__(self, type_id: int, clock: SessionClock, export: NsysExport) -> None:
        self._type_id = type_id
        self._clock = clock
        self._path = export.path
        self._left_out = export.left_out
        self._buffer = _Wide(np.zeros(0, dtype=np.int64), {})
        self._yielded_until_ns = -1

    def add(self, readings: Readings) -> Iterator[Samples]:
        """Add readings; yield the samples that no longer fit the buffer."""
        wide = _wide(readings, self._left_out)
        if wide.time_ns[0] <= self._yielded_until_ns:
            raise BadInput(
                f"{self._path}: a GPU metric of {wide.time_ns[0]} ns stands behind those of"
                f" {self._yielded_until_ns} ns",
                hint="export the report again with `nsys export --type sqlite`",
            )
        self._buffer = _joined(self._buffer, wide, self._left_out)
        excess = len(self._buffer.time_ns) - _BUFFERED_SAMPLES
        if excess > 0:
            yield self._pop(excess)

    def rest(self) -> Iterator[Samples]:
        """Yield all samples of the buffer."""
        if len(self._buffer.time_ns):
            yield self._pop(len(self._buffer.time_ns))

    def _pop(self, count: int) -> Samples:
        """Remove the earliest samples from the buffer and return them."""
        popped, self._buffer = self._buffer.slice(0, count), self._buffer.slice(count, None)
        self._yielded_until_ns = int(popped.time_ns[-1])
        columns: dict[str, Any] = {
            "gpu": np.full(count, self._type_id & _GPU_BITS, dtype=np.int32),
            "time_ns": self._clock.since_epoch(popped.time_ns),
        }
        for index, values in _with_parts_summed(popped.columns).items():
            columns[METRIC_COLUMNS[index]] = pa.array(values, from_pandas=True)
        return Samples(self._type_id, table_from_columns("gpu_samples", columns))


@dataclass(frozen=True, slots=True, eq=False)
class _Wide:
    """One row per time, ascending; one column per metric by index, NaN for null."""

    time_ns: Int64
    columns: dict[int, Float64]

    def slice(self, first: int, last: int | None) -> "_Wide":
        columns = {index: values[first:last] for index, values in self.columns.items()}
        return _Wide(self.time_ns[first:last], columns)

    def column(self, index: int) -> Float64:
        """Values of a metric, NaN throughout where it has no column."""
        return self.columns.get(index, np.full(len(self.time_ns), np.nan))


def _wide(readings: Readings, left_out: Counter[TraceWarning]) -> _Wide:
    """Pivot readings to one row per time; what is impossible is null, and counted in `left_out`."""
    time, metric, value = readings.time_ns, readings.quantity, readings.value
    if (np.diff(time) < 0).any():
        order = np.argsort(time, kind="stable")
        time, metric, value = time[order], metric[order], value[order]
    is_first = np.append(True, np.diff(time) != 0)
    row = np.cumsum(is_first) - 1
    rows, columns = int(row[-1]) + 1, {}
    for index in np.flatnonzero(np.bincount(metric)).tolist():
        here = np.flatnonzero(metric == index)
        at, values = row[here], value[here]
        largest = _MAX_MHZ * 1e6 if index in _CLOCKS else _MAX_PCT
        if not (values.min() >= 0 and values.max() <= largest):
            possible = (values >= 0) & (values <= largest)
            left_out[TraceWarning.IMPOSSIBLE_SAMPLES] += int(np.count_nonzero(~possible))
            at, values = at[possible], values[possible]
        one_per_row = len(at) == rows and (at == np.arange(rows)).all()
        values = values if one_per_row else _merged(at, values, rows, left_out)
        columns[index] = _in_mhz(values) if index in _CLOCKS else values
    return _Wide(time[is_first], columns)


def _in_mhz(clock: Float64) -> Float64:
    return np.where(clock > _MAX_MHZ, clock / 1e6, clock)


def _joined(earlier: _Wide, later: _Wide, left_out: Counter[TraceWarning]) -> _Wide:
    """Concatenate samples; where the times overlap, sort them and merge equal times."""
    time = np.concatenate([earlier.time_ns, later.time_ns])
    row = None
    if len(earlier.time_ns) and earlier.time_ns[-1] >= later.time_ns[0]:
        time, row = np.unique(time, return_inverse=True)
    columns = {}
    for index in sorted(earlier.columns.keys() | later.columns.keys()):
        values = np.concatenate([each.column(index) for each in (earlier, later)])
        columns[index] = values if row is None else _merged(row, values, len(time), left_out)
    return _Wide(time, columns)


def _merged(row: Int64, values: Float64, rows: int, left_out: Counter[TraceWarning]) -> Float64:
    """One value for each row, float64 [rows]; NaN for a row that has none.

    Several readings of a metric at one time are one reading that was written again, or under two
    names. Where they differ their mean is taken, and `left_out` counts the row.
    """
    known = np.isfinite(values)
    row, values = row[known], values[known]
    merged = np.full(rows, np.nan)
    merged[row] = values
    count = np.bincount(row, minlength=rows)
    differ = np.unique(row[values != merged[row]])
    merged[differ] = np.bincount(row, values, rows)[differ] / count[differ]
    left_out[TraceWarning.SAMPLES_DIFFER] += len(differ)
    return merged


def _with_parts_summed(columns: dict[int, Float64]) -> dict[int, Float64]:
    """Columns of METRIC_COLUMNS; the sum of its parts where a metric is not sampled as a whole."""
    whole = {index: values for index, values in columns.items() if index < len(METRIC_COLUMNS)}
    summed: dict[int, Float64] = {}
    for number, (_, index) in enumerate(_PARTS, start=len(METRIC_COLUMNS)):
        if number in columns:
            summed[index] = summed.get(index, 0.0) + columns[number]
    return summed | whole
