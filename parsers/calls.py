"""The timed calls of a recording: one row of `calls` per execution of an operation.

In a trace they are the ranges that moeprof's script put around each call (`call_ranges`,
`calls_table`); where the script's own clock timed them, they are in the recording (`cpu_calls`).
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..stats.arrays import Int64
from ..store.recording import CALL_RANGE, Recording
from ..store.tables.parquet import table_from_columns
from .events import BEFORE_LAUNCH, OPEN_END, Spans, Trace, int64_column, is_timed
from .joint_keys import joint_keys

Bools = npt.NDArray[np.bool_]

_PLACE: Final = ("start_ns", "duration_ns", "process", "device", "correlation_id")
DOMAIN: Final = "moeprof"  # the NVTX domain of moeprof's ranges; torch.profiler knows no domains
_MARK: Final = "#"  # in each name that CALL_RANGE matches; found twenty times as fast


@dataclass(frozen=True, slots=True, eq=False)
class CallRanges:
    """Ranges around one timed call each, with scenario, repeat and number of the call, [n]."""

    spans: Spans
    scenario_key: "pa.StringArray"
    repeat: Int64
    call: Int64


def find_call_ranges(ranges: Spans, names: "pa.StringArray") -> CallRanges:
    """Select the closed ranges named by `store.recording.call_range`, in their order.

    A range that was never closed belongs to a call that did not end, and is left out.
    """
    has_mark = np.asarray(pc.match_substring(names, _MARK))
    likely: Any = np.flatnonzero(has_mark & (ranges.end_ns != OPEN_END))
    bare = pc.replace_substring_regex(names.take(likely), f"^{DOMAIN}:", "")
    parts: Any = pc.extract_regex(bare, CALL_RANGE)
    found = np.flatnonzero(np.asarray(parts.is_valid()))
    key, repeat, call = parts.take(pa.array(found)).flatten()
    numbers = (np.asarray(each.cast(pa.int64()), dtype=np.int64) for each in (repeat, call))
    return CallRanges(ranges.take(likely[found]), key, *numbers)


def cpu_calls(recording: Recording) -> pa.Table:
    """Build `calls` from the times that the script's own clock took: wall time alone."""
    timings = recording.served
    counts = [len(timing.calls_ns) for timing in timings]
    columns = {
        "recording": [recording.unit] * sum(counts),
        "scenario_key": np.repeat([timing.scenario_key for timing in timings], counts).tolist(),
        "visit": np.repeat([timing.visit for timing in timings], counts).tolist(),
        "call": [call for count in counts for call in range(count)],
        "wall_ns": [wall_ns for timing in timings for wall_ns in timing.calls_ns],
        "kernels": [None] * sum(counts),
    }
    return table_from_columns("calls", columns)


def unsure_calls(calls: Spans, call_index: Any, trace: Trace) -> Bools:
    """Whether a kernel without a launching call may belong to each call, bool [calls].

    `call_index` int [kernels] points into `calls`, -1 for none. Such a kernel starts after the
    call's start, before the next call's, since moeprof's calls come one after the other, and no
    later after the call's end than the call is long. It is of the process and device of the call's
    kernels. Its correlation id, if it has one, is not below all that have a call, as it is where
    the kernel was queued before the recording began.
    """
    unsure = np.zeros(len(calls), dtype=np.bool_)
    timed = is_timed(trace.kernels)
    of_no_call = (trace.launched_by < 0) & (trace.launched_by != BEFORE_LAUNCH)
    loose = np.flatnonzero(of_no_call & timed)
    held = np.flatnonzero((call_index >= 0) & timed)
    if not len(held) or not len(loose):
        return unsure
    kernels = {name: int64_column(trace.kernels, name) for name in _PLACE}
    end_ns = calls.end_ns.copy()
    np.maximum.at(end_ns, call_index[held], (kernels["start_ns"] + kernels["duration_ns"])[held])
    order = np.argsort(calls.start_ns, kind="stable")
    place = np.searchsorted(calls.start_ns[order], kernels["start_ns"][loose], side="right") - 1
    loose, call = loose[place >= 0], order[place[place >= 0]]
    example = np.full(len(calls), -1, dtype=np.int64)  # one of each call's kernels
    example[call_index[held]] = held
    ids = kernels["correlation_id"]
    processes, of_process = np.unique(kernels["process"], return_inverse=True)
    lowest_id = np.full(len(processes), np.iinfo(np.int64).max)
    launched = trace.launched_by >= 0
    np.minimum.at(lowest_id, of_process[launched], ids[launched])
    possible = (
        (example[call] >= 0)
        & (kernels["process"][loose] == kernels["process"][example[call]])
        & (kernels["device"][loose] == kernels["device"][example[call]])
        & (kernels["start_ns"][loose] <= 2 * end_ns[call] - calls.start_ns[call])
        & ((ids[loose] < 0) | (ids[loose] >= lowest_id[of_process[loose]]))
    )
    unsure[call[possible]] = True
    return unsure


def calls_table(
    calls: CallRanges,
    kernels: pa.Table,
    call_index: Any,
    unsure: Bools,
    unit: str | None,
    on_gpu: bool,
) -> pa.Table:
    """Build `calls` with one row per call range, in the order of `calls`; `kernels` is a Trace's.

    `call_index` int [kernels] points into `calls`, -1 for none. On a CPU the range's duration is
    the call's wall time. On a GPU (`on_gpu`) the host only enqueues kernels within the range: wall
    time is null, and busy time is the union of the call's kernel intervals. A call with an untimed
    kernel, or one that is `unsure` (see `unsure_calls`), has no busy time and no gap.
    """
    rows: Any = np.flatnonzero(call_index >= 0)
    if len(rows) == kernels.num_rows:
        rows = slice(None)  # a view instead of a copy: there may be millions of rows
    group = call_index[rows]
    launches = np.bincount(group, minlength=len(calls.spans))
    busy_ns, gap_ns = _kernel_times(kernels, rows, group, unsure)
    wall_ns = calls.spans.end_ns - calls.spans.start_ns
    columns = {
        "recording": [unit] * len(calls.spans),
        "scenario_key": calls.scenario_key,
        "visit": calls.repeat.astype(np.int32),
        "call": calls.call.astype(np.int32),
        "start_ns": calls.spans.start_ns,
        "wall_ns": pa.array(wall_ns, mask=np.full(len(wall_ns), on_gpu)),
        "busy_ns": busy_ns,
        "gap_ns": gap_ns,
        "kernels": launches.astype(np.int32),
        "signature": _signatures(kernels, rows, group, len(calls.spans)),
    }
    return table_from_columns("calls", columns)


def _kernel_times(kernels: pa.Table, rows: Any, group: Int64, unsure: Bools) -> tuple[Any, Any]:
    """Columns busy_ns and gap_ns of the calls; null without kernels or with one that is unknown."""
    start_ns, duration_ns = (
        int64_column(kernels, name)[rows] for name in ("start_ns", "duration_ns")
    )
    timed = is_timed(kernels)[rows]
    unknown = unsure | (np.bincount(group, minlength=len(unsure)) == 0)
    if not timed.all():
        unknown[group[~timed]] = True
        group, start_ns, duration_ns = group[timed], start_ns[timed], duration_ns[timed]
    times = busy_and_gap(group, start_ns, start_ns + duration_ns, len(unsure))
    busy_ns, gap_ns = (pa.array(each, mask=unknown) for each in times)
    return busy_ns, gap_ns


def busy_and_gap(group: Int64, start_ns: Int64, end_ns: Int64, groups: int) -> tuple[Int64, Int64]:
    """Union of each group's intervals, and the time from first start to last end outside it.

    Both are int64 [groups] in ns; `group` int64 [n] is the group of each interval. Intervals may
    overlap and contain one another. A group without intervals has 0 and 0.
    """
    busy_ns, hull_ns = np.zeros(groups, dtype=np.int64), np.zeros(groups, dtype=np.int64)
    if not len(group):
        return busy_ns, hull_ns
    order = _order(group, start_ns)
    group, start, end = group[order], start_ns[order], end_ns[order]
    first = np.flatnonzero(np.append(True, np.diff(group) != 0))
    last = np.append(first[1:], len(group)) - 1
    latest = _latest_end(group, end)
    before = np.concatenate([start[:1], latest[:-1]])  # time up to which the group was busy
    before[first] = start[first]
    added = np.maximum(end - np.maximum(start, before), 0)
    busy_ns[group[first]] = np.add.reduceat(added, first)
    hull_ns[group[first]] = latest[last] - start[first]
    return busy_ns, hull_ns - busy_ns


def _latest_end(group: Int64, end: Int64) -> Int64:
    """Largest end within the group so far, [n]; `group` is ascending."""
    key, _ = joint_keys((group, end), (group[:0], end[:0]))
    is_largest = key >= np.maximum.accumulate(key)
    return end[np.maximum.accumulate(np.where(is_largest, np.arange(len(key)), 0))]


def _order(*keys: Int64) -> Any:
    """Indices that sort by several keys, the first one primary; slice(None) if already sorted."""
    ordered = np.ones(max(len(keys[0]) - 1, 0), dtype=bool)
    for key in reversed(keys):
        steps = np.diff(key)
        ordered = (steps > 0) | ((steps == 0) & ordered)
    return slice(None) if ordered.all() else np.lexsort(keys[::-1])


def _signatures(kernels: pa.Table, rows: Any, group: Int64, groups: int) -> list[str | None]:
    """Text of the kernels of each call in launch order; None for a call without kernels."""
    signatures: list[str | None] = [None] * groups
    if not len(group):
        return signatures
    code, texts = _launch_texts(kernels, rows)
    launched = int64_column(kernels, "correlation_id")[rows]
    order = _order(group, launched, int64_column(kernels, "start_ns", missing=OPEN_END)[rows])
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


def _launch_texts(kernels: pa.Table, rows: Any) -> tuple[Int64, list[str]]:
    """Code of each kernel in `rows`, and the text of each code: name, grid and block."""
    names = ["kernel", *(f"{what}_{axis}" for what in ("grid", "block") for axis in "xyz")]
    code = np.zeros(kernels.num_rows, dtype=np.int64)[rows]
    for name in names:
        column: Any = kernels.column(name).combine_chunks()
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        value = np.asarray(column.indices.fill_null(-1), dtype=np.int64)[rows] + 1
        both: Any = pa.array(code * (int(value.max()) + 1) + value).dictionary_encode()
        code = np.asarray(both.indices, dtype=np.int64)
    _, first = np.unique(code, return_index=True)
    examples = kernels.select(names).take(np.arange(kernels.num_rows)[rows][first]).to_pylist()
    return code, [_launch_text(*row.values()) for row in examples]


def _launch_text(kernel: str | None, *sizes: int | None) -> str:
    grid, block = ("x".join(map(str, axes)) for axes in (sizes[:3], sizes[3:]))
    return f"{short_kernel_name(kernel or 'unnamed')} <<<{grid}, {block}>>>"


@lru_cache(maxsize=65536)
def short_kernel_name(demangled: str) -> str:
    """Name of a kernel without return type, namespaces, template and function parameters.

    >>> short_kernel_name("void at::native::<unnamed>::copy<float, (int)4>(int, T1 const*)")
    'copy'
    """
    text = demangled.replace("(anonymous namespace)", "").replace("->", "")
    depth = 0
    kept = []
    for letter in text:
        if letter == "(" and depth == 0:
            break  # here the function's parameters begin
        depth += (letter in "<([") - (letter in ">)]")
        if depth == 0 and letter not in ">)]":
            kept.append(letter)
    words = "".join(kept).split()
    return words[-1].rpartition("::")[2] if words else demangled
