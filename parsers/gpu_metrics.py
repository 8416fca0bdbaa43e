"""GPU metrics of an nsys export as the table `gpu_samples`, whatever their names and layout.

Ids of metrics change from capture to capture and their names from version to version, so a metric
is known by its cleaned-up name. There is no power and no temperature among them.
"""

import re
from typing import Any, Final

import numpy as np
import pyarrow as pa

from ..store.tables import METRIC_COLUMNS, table_from_columns
from .events import Int64
from .gpu_metric_layouts import Readings, read_layouts
from .nsys_export import NsysExport

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
_HIGHEST_MHZ: Final = 1e5  # no clock of a GPU reaches 100 GHz: above it the value is in Hz


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


def read_gpu_samples(export: NsysExport, strings: dict[int, str], epoch_ns: int) -> pa.Table | None:
    """Read `gpu_samples`, ordered by GPU and time; None where nothing was sampled.

    A time is session time plus `epoch_ns`; samples from before the session are dropped.
    """

    def place(name: str) -> int:
        column = metric_column(name)
        return -1 if column is None else METRIC_COLUMNS.index(column)

    readings = read_layouts(export, strings, place)
    kept = np.flatnonzero(readings.time_ns >= 0)
    return _wide(readings, kept, epoch_ns) if len(kept) else None


def _wide(readings: Readings, kept: Int64, epoch_ns: int) -> pa.Table:
    """One row per sample time and a column per metric; NVLink's parts add up in one column."""
    gpu = readings.type_id & _GPU_BITS
    order = kept[np.lexsort((readings.type_id[kept], readings.time_ns[kept], gpu[kept]))]
    time, type_id = readings.time_ns[order], readings.type_id[order]
    first = np.append(True, (np.diff(time) != 0) | (np.diff(type_id) != 0))
    row, column = np.cumsum(first) - 1, readings.place[order]
    values = np.zeros((len(METRIC_COLUMNS), int(row[-1]) + 1))
    seen = np.zeros(values.shape, dtype=bool)
    np.add.at(values, (column, row), readings.value[order])
    seen[column, row] = True
    columns: dict[str, Any] = {
        "gpu": gpu[order][first].astype(np.int32),
        "time_ns": time[first] + epoch_ns,
    }
    for name, value, known in zip(METRIC_COLUMNS, values, seen, strict=True):
        in_hz = name.endswith("_mhz") and value.max() > _HIGHEST_MHZ  # labelled MHz all the same
        columns[name] = pa.array(value / 1e6 if in_hz else value, mask=~known)
    return table_from_columns("gpu_samples", columns)
