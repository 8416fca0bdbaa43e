"""A trace as the tables that are handed on: `launches`, `calls` and `gpu_samples`."""

from typing import Any

import numpy as np
import pyarrow as pa

from ..store.tables import METRIC_COLUMNS, table_from_columns
from .attribution import innermost
from .calls import CallRanges, calls_table, find_call_ranges
from .events import Int64, Spans, Trace, int64_column
from .metric_join import join_metrics

NO_CALL = "no runtime call"
NO_RANGE = "no enclosing range"


def trace_tables(trace: Trace, unit: str | None, on_gpu: bool) -> dict[str, pa.Table]:
    """Build the tables of one trace; those that it has nothing for are left out.

    `unit` names the recording, None for a lone trace; `on_gpu` says whether the calls ran there.
    """
    calls = find_call_ranges(trace.ranges, trace.range_names)
    call_of_launch = range_of_launch(trace, calls.spans)
    launches = launches_table(trace, calls, call_of_launch, unit)
    tables = {"launches": launches} if launches.num_rows else {}
    if calls.scenario_key:
        tables["calls"] = calls_table(calls, launches, call_of_launch, unit, on_gpu)
    if trace.gpu_samples is not None:
        place = trace.gpu_samples.schema.get_field_index("recording")
        column = pa.array([unit] * trace.gpu_samples.num_rows, pa.string())
        tables["gpu_samples"] = trace.gpu_samples.set_column(
            place, trace.gpu_samples.schema.field(place), column
        )
    return tables


def range_of_launch(trace: Trace, ranges: Spans) -> Int64:
    """Index of the innermost of `ranges` around each kernel's launching call; -1 for none."""
    found = np.full(trace.kernels.num_rows, -1, dtype=np.int64)
    launched = np.flatnonzero(trace.launched_by >= 0)
    found[launched] = innermost(ranges, trace.api.take(trace.launched_by[launched]))
    return found


def launches_table(
    trace: Trace, calls: CallRanges, call_of_launch: Int64, unit: str | None
) -> pa.Table:
    """Build `launches`: every kernel of the trace once, attributed or with the reason why not."""
    inner = range_of_launch(trace, trace.ranges)
    names = trace.kernels.column_names
    columns: dict[str, Any] = {name: trace.kernels.column(name).combine_chunks() for name in names}
    unattributed = np.where(trace.launched_by < 0, NO_CALL, NO_RANGE)
    columns |= {
        "recording": [unit] * trace.kernels.num_rows,
        "range_name": _chosen(trace.range_names, inner),
        "unattributed": pa.array(unattributed.tolist(), pa.string(), mask=inner >= 0),
        "scenario_key": _chosen(calls.scenario_key, call_of_launch),
        "visit": _chosen(calls.visit.tolist(), call_of_launch),
        "call": _chosen(calls.call.tolist(), call_of_launch),
    }
    return table_from_columns("launches", columns | _metrics(trace))


def _chosen(values: list[Any], index: Int64) -> list[Any]:
    return [values[place] if place >= 0 else None for place in index.tolist()]


def _metrics(trace: Trace) -> dict[str, Any]:
    """GPU-metric columns of the kernels whose GPU was sampled; null for all others."""
    if trace.gpu_samples is None:
        return {}
    gpu, sampled = int64_column(trace.kernels, "gpu"), int64_column(trace.gpu_samples, "gpu")
    start = int64_column(trace.kernels, "start_ns")
    end = start + int64_column(trace.kernels, "duration_ns")
    names = ("metric_samples", "metric_coverage", *METRIC_COLUMNS)
    columns = {name: np.full(len(gpu), np.nan) for name in names}
    for one in np.unique(sampled):
        here, rows = np.flatnonzero(gpu == one), np.flatnonzero(sampled == one)
        samples = trace.gpu_samples.take(rows)
        metrics = {name: samples.column(name).to_numpy() for name in METRIC_COLUMNS}
        overlap = join_metrics(int64_column(samples, "time_ns"), metrics, start[here], end[here])
        columns["metric_samples"][here] = overlap.samples
        columns["metric_coverage"][here] = overlap.coverage
        for name, mean in overlap.means.items():
            columns[name][here] = mean
    return {name: pa.array(values, from_pandas=True) for name, values in columns.items()}
