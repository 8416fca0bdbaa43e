"""Which host call launched a kernel, and in which range that call lay.

A kernel runs long after the host left the range that launched it, so its own time says nothing:
the way goes kernel -> (process, correlation id) -> host call -> innermost range of that thread
around the call. Everything here is vectorised: O((kernels + ranges) log).
"""

from dataclasses import dataclass

import numpy as np

from .events import Int64, Spans


@dataclass(frozen=True, slots=True, eq=False)
class CorrelationIds:
    """Process and correlation id, int64 [n] each; `known` bool [n] is False where one is null.

    A correlation id is unique within its process only.
    """

    process: Int64
    correlation: Int64
    known: np.ndarray


def launching_calls(kernels: CorrelationIds, calls: CorrelationIds, spans: Spans) -> Int64:
    """Index of the host call that launched each kernel, int64 [kernels]; -1 where none is recorded.

    `spans` are the times of `calls`. Runtime and driver API both record one launch under one id:
    the outer of the two, which starts first, is the launching call.
    """
    kernel_process, call_process = _codes(kernels.process, calls.process)
    kernel_id, call_id = _codes(kernels.correlation, calls.correlation)
    ids = len(kernel_id) + len(call_id)
    kernel_key, call_key = kernel_process * ids + kernel_id, call_process * ids + call_id
    order = np.lexsort((-spans.end_ns, spans.start_ns, call_key))
    order = order[calls.known[order]]
    keys, first = np.unique(call_key[order], return_index=True)
    if not len(keys):
        return np.full(len(kernel_key), -1, dtype=np.int64)
    place = np.minimum(np.searchsorted(keys, kernel_key), len(keys) - 1)
    found = (keys[place] == kernel_key) & kernels.known
    return np.where(found, order[first[place]], -1)


def innermost(ranges: Spans, inner: Spans) -> Int64:
    """Index of the innermost range around each inner span, int64 [inner]; -1 where there is none.

    A range lies around a span of the same thread that starts and ends within it, ends included.
    Of several the innermost is the one that started last, and of those the one that ends first;
    ranges need not nest.
    """
    if not len(ranges):
        return np.full(len(inner), -1, dtype=np.int64)
    range_thread, inner_thread = _codes(ranges.thread, inner.thread)
    range_start, inner_start = _codes(ranges.start_ns, inner.start_ns)
    steps = int(max(range_start.max(), inner_start.max(initial=0))) + 1
    order = np.lexsort((-ranges.end_ns, ranges.start_ns, ranges.thread))
    keys = (range_thread * steps + range_start)[order]
    last_started = np.searchsorted(keys, inner_thread * steps + inner_start, side="right") - 1
    same_thread = (last_started >= 0) & (range_thread[order[last_started]] == inner_thread)
    candidate = np.where(same_thread, last_started, -1)
    found = _last_reaching(range_thread[order], ranges.end_ns[order], candidate, inner.end_ns)
    return np.where(found >= 0, order[found], -1)


def _last_reaching(thread: Int64, end_ns: Int64, candidate: Int64, needed_ns: Int64) -> Int64:
    """Largest index <= candidate, on the same thread, whose end is at least the needed one.

    `parent` is the nearest earlier range that ends later: whatever lies between cannot reach
    either. Doubling its jumps bounds the climb by the logarithm of the nesting depth.
    """
    parent = _previous_ending_later(thread, end_ns)
    reach = np.append(end_ns, np.iinfo(np.int64).max)  # index -1: the end of every climb
    jumps = [np.append(parent, -1)]
    while (jumps[-1] >= 0).any():
        jumps.append(jumps[-1][jumps[-1]])
    for jump in reversed(jumps):
        further = jump[candidate]
        candidate = np.where(reach[further] < needed_ns, further, candidate)
    return np.where(reach[candidate] < needed_ns, jumps[0][candidate], candidate)


def _previous_ending_later(thread: Int64, end_ns: Int64) -> Int64:
    """Index of the nearest earlier range of the thread with a later end; -1 where there is none."""
    parents = []
    stack: list[int] = []
    ends, threads = end_ns.tolist(), thread.tolist()
    for index, (end, on) in enumerate(zip(ends, threads, strict=True)):
        while stack and (threads[stack[-1]] != on or ends[stack[-1]] <= end):
            stack.pop()
        parents.append(stack[-1] if stack else -1)
        stack.append(index)
    return np.asarray(parents, dtype=np.int64)


def _codes(left: Int64, right: Int64) -> tuple[Int64, Int64]:
    """Dense ranks of two arrays on one scale: the order is kept, and products stay small."""
    _, ranks = np.unique(np.concatenate([left, right]), return_inverse=True)
    return ranks[: len(left)], ranks[len(left) :]
