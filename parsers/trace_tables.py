"""A trace as the tables that are handed on, piece by piece: a big trace never lies in memory."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..energy.range_windows import RangedLaunches
from ..stats.arrays import Int64
from ..store.table_schemas import METRIC_COLUMNS, SCHEMAS
from .attribution import innermost
from .calls import CallRanges, calls_table, find_call_ranges
from .events import Samples, Spans, Trace, int64_column
from .metric_join import MetricJoin

Int32 = npt.NDArray[np.int32]

_REASONS: Final = pa.array(["no correlation id", "no runtime call", "no enclosing range"])
_LAUNCHES_AT_ONCE: Final = 65_536
_ATTRIBUTED_AT_ONCE: Final = 524_288

Piece = tuple[str, pa.Table]


def trace_tables(trace: Trace, unit: str | None, on_gpu: bool) -> Iterator[Piece]:
    """Yield the tables of one trace in pieces, by their names; none of those it has nothing for.

    `unit` names the recording, None for a lone trace; `on_gpu` says whether the calls ran there.
    """
    kernels, power, gpu_samples = trace.kernels, trace.power_samples, trace.gpu_samples
    calls = find_call_ranges(trace.ranges, trace.range_names)
    call_of_launch = range_of_launch(trace, calls.spans)
    attributed = _Attributed(trace, calls, call_of_launch)
    del trace  # its host calls are as many as its kernels
    if len(calls.spans):
        yield "calls", calls_table(calls, kernels, call_of_launch, unit, on_gpu)
    if power is not None:
        yield "power_samples", _of_recording(power, unit)
        for energies in _range_energies(power, attributed.ranged()):
            yield "range_energies", _of_recording(energies, unit)
    joins = _Joins(kernels)
    for samples in gpu_samples():
        joins.add(samples)
        yield "gpu_samples", _of_recording(samples.table, unit)
    joins.close()
    for first in range(0, kernels.num_rows, _LAUNCHES_AT_ONCE):
        rows = slice(first, min(first + _LAUNCHES_AT_ONCE, kernels.num_rows))
        columns = attributed.columns(rows) | joins.columns(rows)
        piece = kernels.slice(rows.start, rows.stop - rows.start)
        yield "launches", _of_recording(_launches(piece, columns), unit)


def range_of_launch(trace: Trace, ranges: Spans) -> Int32:
    """Index of the innermost of `ranges` around each kernel's launching call; -1 for none."""
    found = np.full(trace.kernels.num_rows, -1, dtype=np.int32)
    for first in range(0, len(found), _ATTRIBUTED_AT_ONCE):
        launched_by = trace.launched_by[first : first + _ATTRIBUTED_AT_ONCE]
        launched = np.flatnonzero(launched_by >= 0)
        found[first + launched] = innermost(ranges, trace.api.take(launched_by[launched]))
    return found


class _Attributed:
    """The range and the call of each kernel, by name; or why it has none."""

    def __init__(self, trace: Trace, calls: CallRanges, call_of_launch: Int32) -> None:
        self._ranges = trace.range_names.dictionary_encode()
        self._keys = calls.scenario_key.dictionary_encode()
        self._visit, self._call = (pa.array(n, pa.int32()) for n in (calls.visit, calls.call))
        self._inner, self._call_of = range_of_launch(trace, trace.ranges), call_of_launch
        self._reason = np.where(trace.launched_by < 0, 1, 2).astype(np.int8)
        unknown = ~np.asarray(trace.kernels.column("correlation_id").is_valid())
        self._reason[(self._reason == 1) & unknown] = 0
        self._kernels = trace.kernels

    def ranged(self) -> RangedLaunches:
        """All launches with the innermost range of each."""
        times = (int64_column(self._kernels, name) for name in ("start_ns", "duration_ns", "gpu"))
        return RangedLaunches(self._inner, self._ranges, *times)

    def columns(self, rows: slice) -> dict[str, Any]:
        """Columns of some launches."""
        inner, call = self._inner[rows], self._call_of[rows]
        at_range, at_call = _index(inner, inner < 0), _index(call, call < 0)
        return {
            "range_name": self._ranges.take(at_range),
            "unattributed": _REASONS.take(_index(self._reason[rows], inner >= 0)),
            "scenario_key": self._keys.take(at_call),
            "visit": self._visit.take(at_call),
            "call": self._call.take(at_call),
        }


def _index(places: Any, null: Any) -> "pa.Int32Array":
    return pa.array(places, pa.int32(), mask=null)


def _launches(kernels: pa.Table, columns: dict[str, Any]) -> pa.Table:
    """Build a piece of `launches`; a column that the tool did not give is null throughout."""
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
    from ..energy.ranges import range_energies  # with pandas and scipy: few traces hold power

    return range_energies(power, launches)


def _of_recording(table: pa.Table, unit: str | None) -> pa.Table:
    place = table.schema.get_field_index("recording")
    column = pa.repeat(pa.scalar(unit, pa.string()), table.num_rows)
    return table.set_column(place, table.schema.field(place), column)


class _Joins:
    """GPU metrics of the kernels whose GPU was sampled; null for all others.

    Where a GPU has several sets of metrics, its kernels get the columns of each, and the count and
    coverage of the densest.
    """

    def __init__(self, kernels: pa.Table) -> None:
        self._kernels = kernels
        self._joins: dict[int, tuple[Int64, MetricJoin]] = {}  # of each stream, with its kernels

    def add(self, samples: Samples) -> None:
        """Join one piece to the kernels of its GPU."""
        if samples.stream not in self._joins:
            self._joins[samples.stream] = self._join(samples.table.column("gpu")[0].as_py())
        table = samples.table
        metrics = {name: table.column(name).to_numpy() for name in METRIC_COLUMNS}
        self._joins[samples.stream][1].add(int64_column(table, "time_ns"), metrics)

    def close(self) -> None:
        """Take it that no more samples come."""
        for _, join in self._joins.values():
            join.close()

    def columns(self, rows: slice) -> dict[str, Any]:
        """Metric columns of some kernels."""
        columns: dict[str, Any] = {}
        for here, join in self._joins.values():
            ends = np.searchsorted(here, [rows.start, rows.stop])
            overlap = join.overlap(slice(*ends))
            at = here[slice(*ends)] - rows.start
            found: dict[str, Any] = {
                "metric_samples": overlap.samples,
                "metric_coverage": overlap.coverage,
            }
            for name, values in (found | overlap.means).items():
                column = columns.setdefault(name, np.full(rows.stop - rows.start, np.nan))
                column[at] = np.fmax(column[at], values)
        return {name: pa.array(values, from_pandas=True) for name, values in columns.items()}

    def _join(self, gpu: int) -> tuple[Int64, MetricJoin]:
        here = np.flatnonzero(int64_column(self._kernels, "gpu") == gpu)
        times = self._kernels.select(["start_ns", "duration_ns"])
        times = times if len(here) == times.num_rows else times.take(here)
        return here, MetricJoin(*(int64_column(times, name) for name in times.column_names))
