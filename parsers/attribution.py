"""How a kernel is attributed: to the range, and to the timed call, whose code launched it.

A kernel often starts after the host has left the range that launched it: in two public traces that
is so for 61 % and 83 % of the (range, kernel) pairs. So the kernel's own time is not used. As in
NVIDIA's report nvtx_kern_sum, the steps are:

1. kernel -> host API call with the same process and correlation id: launching.py;
2. host API call -> innermost range of the same thread that contains the call: `innermost_ranges`.

Where step 2 finds none, the innermost start/end range of the process that contains the call counts
(`enclosing_ranges`): NVTX lets such a range begin on one thread while others work for it, as
autograd's threads do for the one that calls backward(). NVIDIA's report leaves those kernels out.

`Attribution` does both for a trace of any tool and gives the columns of `launches`; the readers
(nsys/trace.py, kineto/trace.py) do step 1. All steps are vectorised, O(n log n) for n kernels and
ranges.
"""

from dataclasses import replace
from enum import StrEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..energy.nvtx_windows import RangedLaunches
from ..stats.arrays import Int64
from .calls import CallRanges
from .events import BEFORE_LAUNCH, NO_CALL, NOWHERE, UNKNOWN_CALL, Spans, Trace, int64_column
from .joint_keys import joint_keys

Bools = npt.NDArray[np.bool_]
Int32 = npt.NDArray[np.int32]

_KERNELS_AT_ONCE: Final = 524_288


class Unattributed(StrEnum):
    """Why a kernel has no range: the column `unattributed` of `launches`."""

    NO_CORRELATION_ID = "no correlation id"
    NO_API_CALL = "no runtime call"
    UNKNOWN_API_CALL = "runtime call not known"
    BEFORE_LAUNCH = "starts more than 1 ms before its launch"
    NO_ENCLOSING_RANGE = "no enclosing range"


class RangeScope(StrEnum):
    """Where the range of a kernel was found: the column `range_scope` of `launches`."""

    THREAD = "thread"
    PROCESS = "process"


_REASONS: Final = list(Unattributed)
_SCOPES: Final = list(RangeScope)


def enclosing_ranges(ranges: Spans, inner: Spans) -> tuple[Int64, Bools]:
    """Index of the range around each inner span, int64 [inner], -1 for none; and its scope.

    It is the innermost of the same thread, else the innermost that stands for the process: for
    those the second array, bool [inner], is True.
    """
    found = innermost_ranges(ranges, inner)
    by_process = np.zeros(len(inner), dtype=np.bool_)
    if ranges.process is None or inner.process is None:
        return found, by_process
    wide, rest = np.flatnonzero(ranges.process != NOWHERE), np.flatnonzero(found < 0)
    if len(wide) and len(rest):
        around = innermost_ranges(
            replace(ranges.take(wide), thread=ranges.process[wide]),
            replace(inner.take(rest), thread=inner.process[rest]),
        )
        found[rest] = np.where(around >= 0, wide[around], -1)
        by_process[rest] = around >= 0
    return found, by_process


def innermost_ranges(ranges: Spans, inner: Spans) -> Int64:
    """Index of the innermost range around each inner span, int64 [inner]; -1 for none.

    A range contains a span of the same thread that starts and ends within it, ends included. Of
    several ranges the innermost is the one that started last, and of those the one that ends
    first; ranges need not nest.
    """
    if not len(ranges):
        return np.full(len(inner), -1, dtype=np.int64)
    keys, inner_key = joint_keys((ranges.thread, ranges.start_ns), (inner.thread, inner.start_ns))
    order = np.lexsort((-ranges.end_ns, keys))
    thread, end_ns = ranges.thread[order], ranges.end_ns[order]
    started_before = np.searchsorted(keys[order], inner_key, side="right") - 1
    candidate = np.where(thread[started_before] == inner.thread, started_before, -1)
    found = _last_ending_at(thread, end_ns, candidate, inner.end_ns)
    return np.where(found >= 0, order[found], -1)


def _last_ending_at(thread: Int64, end_ns: Int64, candidate: Int64, needed_ns: Int64) -> Int64:
    """Largest index <= candidate, on the same thread, with an end >= needed_ns; -1 for none.

    Binary lifting over `parent`, the nearest earlier range with a later end: ranges between a
    range and its parent end no later than the range, so they can be skipped. jumps[k] goes to the
    2**k-th ancestor, so the number of steps is the logarithm of the nesting depth (Bender and
    Farach-Colton, "The Level Ancestor Problem Simplified", 2004).
    """
    parent = _nearest_ending_later(thread, end_ns)
    end = np.append(end_ns, np.iinfo(np.int64).max)  # index -1, no range, stops every search
    jumps = [np.append(parent, -1)]
    while (jumps[-1] >= 0).any():
        jumps.append(jumps[-1][jumps[-1]])
    for jump in reversed(jumps):
        further = jump[candidate]
        candidate = np.where(end[further] < needed_ns, further, candidate)
    return np.where(end[candidate] < needed_ns, jumps[0][candidate], candidate)


def _nearest_ending_later(thread: Int64, end_ns: Int64) -> Int64:
    """Index of the nearest earlier range of the same thread with a later end; -1 for none.

    Pointer jumping: while the candidate range ends too early, replace it by its own candidate
    (JaJa, "An Introduction to Parallel Algorithms", 1992, section 2.2). The first candidate is the
    range before; all ranges between a range and its candidate end no later than the range.
    """
    candidate = np.arange(len(end_ns), dtype=np.int64) - 1
    candidate[np.append(True, np.diff(thread) != 0)] = -1
    pending = np.flatnonzero(candidate >= 0)
    while len(pending):
        pending = pending[end_ns[candidate[pending]] <= end_ns[pending]]
        candidate[pending] = candidate[candidate[pending]]
        pending = pending[candidate[pending] >= 0]
    return candidate


def ranges_of_kernels(trace: Trace, ranges: Spans) -> tuple[Int32, Bools]:
    """Index of the one of `ranges` around each kernel's launching call, int32; -1 for none.

    The second array, bool, says where it was found by the process. Works through the kernels in
    blocks, which bounds the memory for intermediate results.
    """
    found = np.full(trace.kernels.num_rows, -1, dtype=np.int32)
    by_process = np.zeros(len(found), dtype=np.bool_)
    for first in range(0, len(found), _KERNELS_AT_ONCE):
        launched_by = trace.launched_by[first : first + _KERNELS_AT_ONCE]
        launched = np.flatnonzero(launched_by >= 0)
        around = enclosing_ranges(ranges, trace.api.take(launched_by[launched]))
        found[first + launched], by_process[first + launched] = around
    return found, by_process


class Attribution:
    """The range and the timed call of each kernel of a trace, or why it has no range.

    `call_index` int32 [kernels] points into the timed calls, -1 for a kernel of none;
    `too_early_of` likewise of each kernel that starts too long before its launch.
    """

    def __init__(self, trace: Trace, calls: CallRanges) -> None:
        self.call_index, _ = ranges_of_kernels(trace, calls.spans)
        self.too_early_of, _ = enclosing_ranges(calls.spans, trace.api.take(trace.too_early_of))
        self._range_index, self._by_process = ranges_of_kernels(trace, trace.ranges)
        self._reason = _reasons_without_range(trace)
        self._range_names = trace.range_names.dictionary_encode()
        self._keys = calls.scenario_key.dictionary_encode()
        self._repeat, self._call = (pa.array(n, pa.int32()) for n in (calls.repeat, calls.call))
        self._kernels = trace.kernels

    def ranged_launches(self) -> RangedLaunches:
        """All kernels with the innermost range of each."""
        times = (int64_column(self._kernels, name) for name in ("start_ns", "duration_ns", "gpu"))
        return RangedLaunches(self._range_index, self._range_names, *times)

    def columns(self, rows: slice) -> dict[str, Any]:
        """Columns of `launches` for some kernels: range or why none, scenario and call."""
        range_index, call_index = self._range_index[rows], self.call_index[rows]
        range_row, call_row = (_index(each, each < 0) for each in (range_index, call_index))
        reason_row = _index(self._reason[rows], range_index >= 0)
        scope_row = _index(self._by_process[rows].astype(np.int32), range_index < 0)
        return {
            "range_name": self._range_names.take(range_row),
            "unattributed": pa.array(_REASONS, pa.string()).take(reason_row),
            "range_scope": pa.array(_SCOPES, pa.string()).take(scope_row),
            "scenario_key": self._keys.take(call_row),
            "visit": self._repeat.take(call_row),
            "call": self._call.take(call_row),
        }


def _reasons_without_range(trace: Trace) -> "npt.NDArray[np.int8]":
    """Reason that holds for each kernel if it has no range, as an index into `_REASONS`."""
    no_call, unknown_call, early = (
        trace.launched_by == each for each in (NO_CALL, UNKNOWN_CALL, BEFORE_LAUNCH)
    )
    no_id = ~np.asarray(trace.kernels.column("correlation_id").is_valid())
    conditions = {
        Unattributed.NO_CORRELATION_ID: no_call & no_id,
        Unattributed.NO_API_CALL: no_call,
        Unattributed.UNKNOWN_API_CALL: unknown_call,
        Unattributed.BEFORE_LAUNCH: early,
    }
    codes = [_REASONS.index(reason) for reason in conditions]
    otherwise = _REASONS.index(Unattributed.NO_ENCLOSING_RANGE)
    return np.select(list(conditions.values()), codes, otherwise).astype(np.int8)


def _index(rows: Any, null: Any) -> "pa.Int32Array":
    return pa.array(rows, pa.int32(), mask=null)
