"""The timed calls of a trace: one row of `calls` per range that moeprof put around one call."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..stats.arrays import Int64
from ..store.recording import CALL_RANGE
from ..store.tables import table_from_columns
from .attribution import joint_keys
from .events import OPEN_END, Spans, int64_column
from .kernel_name import short_kernel_name

DOMAIN: Final = "moeprof"  # of the ranges, where the marker knows domains


@dataclass(frozen=True, slots=True, eq=False)
class CallRanges:
    """Ranges around one timed call each: where, and of which scenario, visit and call."""

    spans: Spans
    scenario_key: "pa.StringArray"
    visit: Int64
    call: Int64


def find_call_ranges(ranges: Spans, names: "pa.StringArray") -> CallRanges:
    """Pick the ranges that `store.recording.call_range` named and that were closed, in their order.

    A range that stays open belongs to a call that never ended.
    """
    bare = pc.replace_substring_regex(names, f"^{DOMAIN}:", "")
    parts: Any = pc.extract_regex(bare, CALL_RANGE)
    found = np.asarray(parts.is_valid()) & (ranges.end_ns != OPEN_END)
    index = np.flatnonzero(found)
    key, visit, call = parts.take(pa.array(index)).flatten()
    numbers = (np.asarray(each.cast(pa.int64()), dtype=np.int64) for each in (visit, call))
    return CallRanges(ranges.take(index), key, *numbers)


def calls_table(
    calls: CallRanges, kernels: pa.Table, call_of_launch: Any, unit: str | None, on_gpu: bool
) -> pa.Table:
    """Build `calls` with one row per call range, in the order of `calls`; `kernels` is a Trace's.

    `call_of_launch` int [launches] points into `calls`, -1 for none. The range's own duration is
    the call's wall time on a CPU; with a GPU (`on_gpu`) the host only enqueues within it, so wall
    time is null and busy time counts: the union of the call's kernel intervals.
    """
    inside: Any = np.flatnonzero(call_of_launch >= 0)
    if len(inside) == kernels.num_rows:
        inside = slice(None)  # views, not copies: there may be millions
    group = call_of_launch[inside]
    start = int64_column(kernels, "start_ns")[inside]
    end = start + int64_column(kernels, "duration_ns")[inside]
    launches = np.bincount(group, minlength=len(calls.spans))
    busy, gap = busy_and_gap(group, start, end, len(calls.spans))
    without = launches == 0
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
        "kernels": launches.astype(np.int32),
        "signature": _signatures(kernels, inside, group, len(calls.spans)),
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
    order = _order(group, start_ns)
    group, start, end = group[order], start_ns[order], end_ns[order]
    first = np.flatnonzero(np.append(True, np.diff(group) != 0))
    # The latest end so far within the group: one running maximum over (group, end).
    by_end, _ = joint_keys((group, end), (group[:0], end[:0]))
    latest = end[_running_argmax(by_end)]
    before = np.concatenate([start[:1], latest[:-1]])
    before[first] = start[first]
    added = np.maximum(end - np.maximum(start, before), 0)
    last = np.append(first[1:], len(group)) - 1
    busy[group[first]] = np.add.reduceat(added, first)
    hull[group[first]] = latest[last] - start[first]
    return busy, hull - busy


def _order(*keys: Int64) -> Any:
    """Order by several keys, the first one foremost; a slice of all where that is the order."""
    ordered = np.ones(max(len(keys[0]) - 1, 0), dtype=bool)
    for key in reversed(keys):
        steps = np.diff(key)
        ordered = (steps > 0) | ((steps == 0) & ordered)
    return slice(None) if ordered.all() else np.lexsort(keys[::-1])


def _running_argmax(values: Int64) -> Int64:
    """Index of the largest value so far, at each place."""
    new = values >= np.maximum.accumulate(values)
    return np.maximum.accumulate(np.where(new, np.arange(len(values)), 0))


def _signatures(kernels: pa.Table, inside: Any, group: Int64, groups: int) -> list[str | None]:
    """Kernels of each call in launch order, None for a call without; equal calls, equal text."""
    signatures: list[str | None] = [None] * groups
    if not len(group):
        return signatures
    code, texts = _launch_texts(kernels, inside)
    launched = int64_column(kernels, "correlation_id")[inside]
    order = _order(group, launched, int64_column(kernels, "start_ns")[inside])
    group, code = group[order], code[order]
    starts = np.flatnonzero(np.append(True, np.diff(group) != 0)).tolist()
    seen: dict[bytes, str] = {}
    for first, last in pairwise([*starts, len(group)]):
        sequence = code[first:last]
        key = sequence.tobytes()
        if key not in seen:
            seen[key] = "; ".join(texts[each] for each in sequence.tolist())
        signatures[int(group[first])] = seen[key]
    return signatures


def _launch_texts(kernels: pa.Table, inside: Any) -> tuple[Int64, list[str]]:
    """Code of each launch inside a call, and the text of each code: kernel, grid and block."""
    names = ["kernel", *(f"{what}_{axis}" for what in ("grid", "block") for axis in "xyz")]
    code = np.zeros(kernels.num_rows, dtype=np.int64)[inside]
    for name in names:
        column: Any = kernels.column(name).combine_chunks()
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        value = np.asarray(column.indices.fill_null(-1), dtype=np.int64)[inside] + 1
        both: Any = pa.array(code * (int(value.max()) + 1) + value).dictionary_encode()
        code = np.asarray(both.indices, dtype=np.int64)
    _, first = np.unique(code, return_index=True)
    rows = kernels.select(names).take(np.arange(kernels.num_rows)[inside][first]).to_pylist()
    return code, [_launch_text(*row.values()) for row in rows]


def _launch_text(kernel: str | None, *sizes: int | None) -> str:
    grid, block = ("x".join(map(str, axes)) for axes in (sizes[:3], sizes[3:]))
    return f"{short_kernel_name(kernel or 'unnamed')} <<<{grid}, {block}>>>"
