"""What became of each visit to a scenario: its calls, checked against what the script served."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pyarrow as pa

from ..stats.arrays import Float64, Int64
from ..store.recording import PointTiming, Recording
from .events import int64_column

_NULL_NS = -1  # stands for null: no time of a call is negative


def _none() -> Float64:
    return np.zeros(0)


@dataclass(frozen=True, slots=True, eq=False)
class RepeatTimes:
    """One visit: float64 [calls] of its latencies and gaps, or the problem that spoils them.

    `source` is "kernel" where latencies are unions of kernel intervals and "wall" where they are
    host time; `gap_ns` is empty with "wall".
    """

    number: int
    problem: str | None
    source: Literal["kernel", "wall"] = "wall"
    latency_ns: Float64 = field(default_factory=_none)
    gap_ns: Float64 = field(default_factory=_none)
    signatures: frozenset[str | None] = frozenset()


def visits_by_scenario(
    calls: pa.Table, recordings: Sequence[Recording]
) -> dict[str, list[RepeatTimes]]:
    """Visits that the recordings served or report as failed, by scenario key and in their order.

    A scenario that a recording names and says nothing more of has no entry.
    """
    rows_of = _rows_by_visit(calls)
    times = _Times(calls)
    visits: dict[str, list[RepeatTimes]] = {}
    for recording in recordings:
        for served in recording.served:
            rows = rows_of.get((recording.unit, served.scenario_key, served.visit))
            visit = times.visit(served, np.zeros(0, dtype=np.int64) if rows is None else rows)
            visits.setdefault(served.scenario_key, []).append(visit)
        for failure in recording.failures:
            visit = RepeatTimes(failure.visit, failure.reason)
            visits.setdefault(failure.scenario_key, []).append(visit)
    return visits


class _Times:
    """The columns of `calls` that a visit is made of."""

    def __init__(self, calls: pa.Table) -> None:
        self._wall = int64_column(calls, "wall_ns", _NULL_NS)
        self._busy = int64_column(calls, "busy_ns", _NULL_NS)
        self._gap = int64_column(calls, "gap_ns", _NULL_NS)
        self._signature = calls.column("signature")

    def visit(self, served: PointTiming, rows: Int64) -> RepeatTimes:
        if len(rows) != served.calls:
            found = f"{len(rows)} of {served.calls} ranges are in the trace"
            return RepeatTimes(served.visit, found)
        with_kernels = int(np.count_nonzero(self._busy[rows] != _NULL_NS))
        latency = self._busy[rows] if with_kernels else self._wall[rows]
        missing = int(np.count_nonzero(latency == _NULL_NS))
        if missing:
            return RepeatTimes(served.visit, f"{missing} of {len(rows)} calls hold no kernel")
        timeless = int(np.count_nonzero(latency <= 0))
        if timeless or not len(rows):
            return RepeatTimes(served.visit, f"{timeless} of {len(rows)} calls took no time at all")
        return RepeatTimes(
            number=served.visit,
            problem=None,
            source="kernel" if with_kernels else "wall",
            latency_ns=latency.astype(np.float64),
            gap_ns=self._gap[rows].astype(np.float64) if with_kernels else _none(),
            signatures=frozenset(self._signature.take(rows).unique().to_pylist()),
        )


def _rows_by_visit(calls: pa.Table) -> dict[tuple[str, str, int], Int64]:
    """Rows of `calls` of each (recording, scenario key, visit), in the order of the table."""
    recordings, of_recording = _coded(calls, "recording")
    keys, of_key = _coded(calls, "scenario_key")
    visit = int64_column(calls, "visit")
    order = np.lexsort((visit, of_key, of_recording))
    return {
        (recordings[of_recording[rows[0]]], keys[of_key[rows[0]]], int(visit[rows[0]])): rows
        for rows in _runs(order, of_recording, of_key, visit)
    }


def _runs(order: Int64, *columns: Int64) -> Iterator[Int64]:
    if len(order):
        changed = np.any([np.diff(column[order]) != 0 for column in columns], axis=0)
        yield from np.split(order, np.flatnonzero(changed) + 1)


def _coded(table: pa.Table, name: str) -> tuple[list[str], Int64]:
    encoded = table.column(name).combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    return [str(value) for value in encoded.dictionary.to_pylist()], np.asarray(
        codes, dtype=np.int64
    )
