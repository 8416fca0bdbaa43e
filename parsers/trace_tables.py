"""A trace as tables, yielded piece by piece, so that a big trace is never in memory as a whole."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..energy.nvtx_windows import RangedLaunches
from ..stats.arrays import Int64
from ..store.tables.schemas import METRIC_COLUMNS, SCHEMAS
from .attribution import Attribution
from .calls import calls_table, find_call_ranges, unsure_calls
from .events import Samples, Trace, int64_column, is_timed
from .messages import TraceWarning
from .metric_join import MetricJoin

_LAUNCHES_AT_ONCE: Final = 65_536

Piece = tuple[str, pa.Table]


def trace_tables(trace: Trace, unit: str | None, on_gpu: bool) -> Iterator[Piece]:
    """Yield (table name, rows) of one trace; a table for which the trace has nothing never comes.

    `unit` is written to the column `recording`, None for a trace that no recording describes;
    `on_gpu` says whether the timed calls ran on a GPU.
    """
    kernels, power, gpu_samples = trace.kernels, trace.power_samples, trace.gpu_samples
    calls = find_call_ranges(trace.ranges, trace.range_names)
    attribution = Attribution(trace, calls)
    unsure = unsure_calls(calls.spans, attribution.call_index, trace)
    if unsure.any():
        trace.warnings.append(
            f"{trace.file}: {np.count_nonzero(unsure)} {TraceWarning.UNSURE_CALLS}"
        )
    unsure[attribution.too_early_of[attribution.too_early_of >= 0]] = True
    del trace  # frees its host API calls, of which there are as many as kernels
    if len(calls.spans):
        yield "calls", calls_table(calls, kernels, attribution.call_index, unsure, unit, on_gpu)
    if power is not None:
        yield "power_samples", _with_recording(power, unit)
        for energies in _range_energies(power, attribution.ranged_launches()):
            yield "range_energies", _with_recording(energies, unit)
    metrics = _KernelMetrics(kernels)
    for samples in gpu_samples():
        metrics.add(samples)
        yield "gpu_samples", _with_recording(samples.table, unit)
    metrics.close()
    for first in range(0, kernels.num_rows, _LAUNCHES_AT_ONCE):
        rows = slice(first, min(first + _LAUNCHES_AT_ONCE, kernels.num_rows))
        columns = attribution.columns(rows) | metrics.columns(rows)
        piece = kernels.slice(rows.start, rows.stop - rows.start)
        yield "launches", _with_recording(_launches(piece, columns), unit)


def _launches(kernels: pa.Table, columns: dict[str, Any]) -> pa.Table:
    """Build a piece of `launches`; a column that the tool does not give is all null."""
    columns |= {name: kernels.column(name) for name in kernels.column_names}
    if "shared_bytes" not in columns:
        parts = (columns[f"{kind}_shared_bytes"].cast(pa.int64()) for kind in ("static", "dynamic"))
        columns["shared_bytes"] = pc.add(*parts)
    schema = SCHEMAS["launches"]
    arrays = [
        columns[field.name].cast(field.type)
        if field.name in columns
        else pa.nulls(kernels.num_rows, field.type)
        for field in schema
    ]
    return pa.table(arrays, schema=schema)


def _range_energies(power: pa.Table, launches: RangedLaunches) -> Iterator[pa.Table]:
    from ..energy.nvtx_energy import range_energies  # loads pandas; few traces hold power

    return range_energies(power, launches)


def _with_recording(table: pa.Table, unit: str | None) -> pa.Table:
    place = table.schema.get_field_index("recording")
    column = pa.repeat(pa.scalar(unit, pa.string()), table.num_rows)
    return table.set_column(place, table.schema.field(place), column)


class _KernelMetrics:
    """Means of GPU metrics over each kernel; null for an untimed kernel and on a GPU not sampled.

    Where a GPU has several sets of metrics, its kernels get the columns of each, and the largest
    sample count and coverage of any.
    """

    def __init__(self, kernels: pa.Table) -> None:
        self._kernels = kernels
        self._joins: dict[int, tuple[Int64, MetricJoin]] = {}  # stream -> rows of kernels, join

    def add(self, samples: Samples) -> None:
        """Join samples, later than all before of their stream, to the kernels of their GPU."""
        if samples.stream not in self._joins:
            self._joins[samples.stream] = self._join(samples.table.column("gpu")[0].as_py())
        table = samples.table
        metrics = {name: table.column(name).to_numpy() for name in METRIC_COLUMNS}
        self._joins[samples.stream][1].add(int64_column(table, "time_ns"), metrics)

    def _join(self, gpu: int) -> tuple[Int64, MetricJoin]:
        on_gpu = int64_column(self._kernels, "gpu") == gpu
        rows = np.flatnonzero(on_gpu & is_timed(self._kernels))
        times = self._kernels.select(["start_ns", "duration_ns"])
        times = times if len(rows) == times.num_rows else times.take(rows)
        return rows, MetricJoin(*(int64_column(times, name) for name in times.column_names))

    def close(self) -> None:
        """Complete the joins: no more samples come."""
        for _, join in self._joins.values():
            join.close()

    def columns(self, rows: slice) -> dict[str, Any]:
        """Metric columns of some kernels; call `close` before."""
        columns: dict[str, Any] = {}
        for kernel_rows, join in self._joins.values():
            ends = np.searchsorted(kernel_rows, [rows.start, rows.stop])
            overlap = join.overlap(slice(*ends))
            at = kernel_rows[slice(*ends)] - rows.start
            found: dict[str, Any] = {
                "metric_samples": overlap.samples,
                "metric_coverage": overlap.coverage,
            }
            for name, values in (found | overlap.means).items():
                column = columns.setdefault(name, np.full(rows.stop - rows.start, np.nan))
                column[at] = np.fmax(column[at], values)
        return {name: pa.array(values, from_pandas=True) for name, values in columns.items()}
