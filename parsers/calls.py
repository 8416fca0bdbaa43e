"""The timed calls of a trace: one row of `calls` per range that moeprof put around one call."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import pyarrow as pa

from ..store.recording import split_call_range
from ..store.tables import table_from_columns
from .events import OPEN_END, Int64, Spans, int64_column
from .kernel_name import short_kernel_name

DOMAIN: Final = "moeprof"  # of the ranges, where the marker knows domains


@dataclass(frozen=True, slots=True, eq=False)
class CallRanges:
    """Ranges around one timed call each: where, and of which scenario, visit and call."""

    spans: Spans
    scenario_key: list[str]
    visit: Int64
    call: Int64


def find_call_ranges(ranges: Spans, names: Sequence[str]) -> CallRanges:
    """Pick the ranges that `store.recording.call_range` named and that were closed, in their order.

    A range that stays open belongs to a call that never ended.
    """
    index: list[int] = []
    keys: list[str] = []
    numbers: list[tuple[int, int]] = []
    closed = ranges.end_ns != OPEN_END
    for place, name in enumerate(names):
        parts = split_call_range(name.removeprefix(f"{DOMAIN}:"))
        if parts is not None and closed[place]:
            index.append(place)
            keys.append(parts[0])
            numbers.append(parts[1:])
    visits_and_calls = np.asarray(numbers, dtype=np.int64).reshape(-1, 2)
    return CallRanges(
        spans=ranges.take(np.asarray(index, dtype=np.int64)),
        scenario_key=keys,
        visit=visits_and_calls[:, 0],
        call=visits_and_calls[:, 1],
    )


def calls_table(
    calls: CallRanges, launches: pa.Table, call_of_launch: Int64, unit: str | None, on_gpu: bool
) -> pa.Table:
    """Build `calls` with one row per call range, in the order of `calls`.

    `call_of_launch` int64 [launches] points into `calls`, -1 for none. The range's own duration is
    the call's wall time on a CPU; with a GPU (`on_gpu`) the host only enqueues within it, so wall
    time is null and busy time counts: the union of the call's kernel intervals.
    """
    inside = np.flatnonzero(call_of_launch >= 0)
    group = call_of_launch[inside]
    start = int64_column(launches, "start_ns")[inside]
    end = start + int64_column(launches, "duration_ns")[inside]
    kernels = np.bincount(group, minlength=len(calls.spans))
    busy, gap = busy_and_gap(group, start, end, len(calls.spans))
    without = kernels == 0
    wall = calls.spans.end_ns - calls.spans.start_ns
    columns = {
        "recording": [unit] * len(calls.spans),
        "scenario_key": calls.scenario_key,
        "visit": calls.visit.astype(np.int32),
        "call": calls.call.astype(np.int32),
        "start_ns": calls.spans.start_ns,
        "wall_ns": pa.array(wall, mask=np.full(len(wall), on_gpu)),
        "busy_ns": pa.array(busy, mask=without),
        "gap_ns": pa.array(gap, mask=without),
        "kernels": kernels.astype(np.int32),
        "signature": _signatures(launches, inside, group, len(calls.spans)),
    }
    return table_from_columns("calls", columns)


def busy_and_gap(group: Int64, start_ns: Int64, end_ns: Int64, groups: int) -> tuple[Int64, Int64]:
    """Per group: the union of its intervals, and what their hull leaves uncovered; ns, [groups].

    `group` int64 [n] says which group each interval belongs to. Intervals may overlap and lie
    within one another. A group without intervals has 0 and 0.
    """
    busy, hull = np.zeros(groups, dtype=np.int64), np.zeros(groups, dtype=np.int64)
    if not len(group):
        return busy, hull
    order = np.lexsort((start_ns, group))
    group, start, end = group[order], start_ns[order], end_ns[order]
    first = np.flatnonzero(np.append(True, np.diff(group) != 0))
    # The latest end so far within the group: one running maximum over (group, rank of the end).
    ends, rank = np.unique(end, return_inverse=True)
    latest = ends[np.maximum.accumulate(group * len(ends) + rank) % len(ends)]
    before = np.concatenate([start[:1], latest[:-1]])
    before[first] = start[first]
    added = np.maximum(end - np.maximum(start, before), 0)
    last = np.append(first[1:], len(group)) - 1
    busy[group[first]] = np.add.reduceat(added, first)
    hull[group[first]] = latest[last] - start[first]
    return busy, hull - busy


def _signatures(launches: pa.Table, inside: Int64, group: Int64, groups: int) -> list[str | None]:
    """Kernels of each call in launch order, None for a call without; equal calls, equal text."""
    signatures: list[str | None] = [None] * groups
    if not len(inside):
        return signatures
    chosen = launches.take(inside)
    launched = int64_column(chosen, "correlation_id")
    order = np.lexsort((int64_column(chosen, "start_ns"), launched, group))
    texts, code = np.unique(np.asarray(_launch_texts(chosen), dtype=object), return_inverse=True)
    group, code = group[order], code[order]
    starts = np.flatnonzero(np.append(True, np.diff(group) != 0)).tolist()
    seen: dict[bytes, str] = {}
    for first, last in pairwise([*starts, len(group)]):
        sequence = code[first:last]
        key = sequence.tobytes()
        if key not in seen:
            seen[key] = "; ".join(texts[sequence])
        signatures[int(group[first])] = seen[key]
    return signatures


def _launch_texts(launches: pa.Table) -> list[str]:
    names = ["kernel", *(f"{what}_{axis}" for what in ("grid", "block") for axis in "xyz")]
    columns = [launches.column(name).to_pylist() for name in names]
    return [
        f"{short_kernel_name(kernel or 'unnamed')} <<<{gx}x{gy}x{gz}, {bx}x{by}x{bz}>>>"
        for kernel, gx, gy, gz, bx, by, bz in zip(*columns, strict=True)
    ]
