"""The repeats of each scenario: the times of their calls, or the problem with them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...device.findings import is_disturbed
from ...stats.arrays import Float64, Int64
from ...store.recording import MOST_LOST_CALLS, PointTiming, Recording
from ..events import int64_column

_NULL_NS: Final = -1  # stands for null: no time of a call is negative

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class RepeatTimes:
    """One repeat: float64 arrays (calls,) of its latencies and gaps, or the problem with it.

    `source` is "kernel" where a latency is the union of the call's kernel intervals, and "wall"
    where it is host time; `gap_ns` is empty with "wall". `untimed_calls` are left out of the arrays
    because they took 0 ns, or may have a kernel without a time or a launching call. The first call
    began at `started_utc_ns`; `is_disturbed` says that something else was seen on the machine,
    `cut_short` that the budget ended before all calls were made. `reference_ns` are the times of
    the reference beside it.
    """

    number: int
    problem: str | None
    started_utc_ns: int = 0
    is_disturbed: bool = False
    source: Literal["kernel", "wall"] = "wall"
    latency_ns: Float64 = field(default_factory=lambda: np.zeros(0))
    gap_ns: Float64 = field(default_factory=lambda: np.zeros(0))
    signatures: frozenset[str | None] = frozenset()
    untimed_calls: int = 0
    cut_short: bool = False
    reference_ns: tuple[int, ...] = ()


def repeats_by_scenario(
    calls: pa.Table, recordings: Sequence[Recording]
) -> dict[str, list[RepeatTimes]]:
    """Repeats that the recordings timed or report as failed, in their order, by scenario key.

    A scenario that a recording describes, and neither times nor reports, is not in the result.
    """
    rows_of = _rows_by_repeat(calls)
    columns = _CallColumns(calls)
    repeats: dict[str, list[RepeatTimes]] = {}
    for recording in recordings:
        for timing in recording.served:
            rows = rows_of.get((recording.unit, timing.scenario_key, timing.visit))
            repeat = columns.repeat(timing, np.zeros(0, dtype=np.int64) if rows is None else rows)
            repeats.setdefault(timing.scenario_key, []).append(repeat)
        for failure in recording.failures:
            repeat = RepeatTimes(failure.visit, failure.reason)
            repeats.setdefault(failure.scenario_key, []).append(repeat)
    return repeats


class _CallColumns:
    """The columns of `calls` that repeats are made of, as arrays."""

    def __init__(self, calls: pa.Table) -> None:
        self._wall = int64_column(calls, "wall_ns", _NULL_NS)
        self._busy = int64_column(calls, "busy_ns", _NULL_NS)
        self._gap = int64_column(calls, "gap_ns", _NULL_NS)
        self._kernels = int64_column(calls, "kernels")
        self._signature = calls.column("signature")

    def repeat(self, timing: PointTiming, rows: Int64) -> RepeatTimes:
        """One repeat from its rows, checked against what the script says that it ran."""
        has_time = self._busy[rows] != _NULL_NS
        untimed = ~has_time & (self._kernels[rows] > 0)
        with_kernels = bool((has_time | untimed).any())
        latency = self._busy[rows] if with_kernels else self._wall[rows]
        untimed |= latency == 0
        problem = _problem(latency, untimed, timing.calls)
        if problem is not None:
            return RepeatTimes(timing.visit, problem)
        untimed |= latency == _NULL_NS
        rows, latency = rows[~untimed], latency[~untimed]
        return RepeatTimes(
            number=timing.visit,
            problem=None,
            started_utc_ns=timing.started_utc_ns,
            is_disturbed=is_disturbed(timing.surroundings),
            source="kernel" if with_kernels else "wall",
            latency_ns=latency.astype(np.float64),
            gap_ns=self._gap[rows].astype(np.float64) if with_kernels else np.zeros(0),
            signatures=frozenset(self._signature.take(rows).unique().to_pylist()),
            untimed_calls=timing.calls - len(latency),
            cut_short=timing.cut_short,
            reference_ns=timing.reference_ns,
        )


def _problem(latency_ns: Int64, untimed: Bools, calls: int) -> str | None:
    """What the latencies of `calls` calls lack; None where enough of them are timed.

    Untimed calls are no problem unless all are such: a profiler loses times whatever the call took,
    so the others are still a fair sample. A tenth at most may lack their range, their kernel, or
    their time: more of them are no chance, but calls too short for the clock or a broken trace.
    """
    n = len(latency_ns)
    if not (1 - MOST_LOST_CALLS) * calls <= n <= calls:
        return f"{n} of {calls} ranges are in the trace"
    missing = int(np.count_nonzero((latency_ns == _NULL_NS) & ~untimed))
    if missing > MOST_LOST_CALLS * n:
        return f"{missing} of {n} calls hold no kernel"
    zero = int(np.count_nonzero(latency_ns == 0))
    if zero > MOST_LOST_CALLS * n:
        return f"{zero} of {n} calls took no time at all"
    return f"{n} of {n} calls hold a kernel without a time" if untimed.all() else None


def _rows_by_repeat(calls: pa.Table) -> Mapping[tuple[str, str, int], Int64]:
    """Row numbers of `calls` for each (recording, scenario key, repeat), in table order."""
    recordings, recording_code = _coded(calls, "recording")
    keys, key_code = _coded(calls, "scenario_key")
    number = int64_column(calls, "visit")
    order = np.lexsort((number, key_code, recording_code))
    return {
        (recordings[recording_code[rows[0]]], keys[key_code[rows[0]]], int(number[rows[0]])): rows
        for rows in _runs(order, recording_code, key_code, number)
    }


def _runs(order: Int64, *columns: Int64) -> Iterator[Int64]:
    """Split `order` where any of the columns changes."""
    if len(order):
        changed = np.any([np.diff(column[order]) != 0 for column in columns], axis=0)
        yield from np.split(order, np.flatnonzero(changed) + 1)


def _coded(table: pa.Table, name: str) -> tuple[list[str], Int64]:
    """The distinct values of a column, and the index of each row's value among them."""
    encoded = table.column(name).combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    values = [str(value) for value in encoded.dictionary.to_pylist()]
    return values, np.asarray(codes, dtype=np.int64)
