"""Which host call launched a kernel, and in which range that call lay.

A kernel runs long after the host left the range that launched it, so its own time says nothing:
the way goes kernel -> (process, correlation id) -> host call -> innermost range of that thread
around the call. Everything here is vectorised: O((kernels + ranges) log).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..stats.arrays import Int64
from .events import Spans


@dataclass(frozen=True, slots=True, eq=False)
class CorrelationIds:
    """Process and correlation id, int64 [n] each; `known` bool [n] is False where one is null.

    A correlation id is unique within its process only.
    """

    process: Int64
    correlation: Int64
    known: npt.NDArray[np.bool_]


def launching_calls(kernels: CorrelationIds, calls: CorrelationIds, spans: Spans) -> Int64:
    """Index of the host call that launched each kernel, int64 [kernels]; -1 where none is recorded.

    `spans` are the times of `calls`. Runtime and driver API both record one launch under one id:
    the outer of the two, which starts first, is the launching call.
    """
    kernel_key, call_key = joint_keys(
        (kernels.process, kernels.correlation), (calls.process, calls.correlation)
    )
    order = _in_time(spans, calls.known)
    if (np.diff(call_key[order]) < 0).any():
        order = order[np.argsort(call_key[order], kind="stable")]
    if not len(order):
        return np.full(len(kernel_key), -1, dtype=np.int64)
    keys = call_key[order]
    place = np.searchsorted(keys, kernel_key)
    place[place == len(keys)] = 0
    found = (keys[place] == kernel_key) & kernels.known
    return np.where(found, order[place], -1)


def innermost(ranges: Spans, inner: Spans) -> Int64:
    """Index of the innermost range around each inner span, int64 [inner]; -1 where there is none.

    A range lies around a span of the same thread that starts and ends within it, ends included.
    Of several the innermost is the one that started last, and of those the one that ends first;
    ranges need not nest.
    """
    if not len(ranges):
        return np.full(len(inner), -1, dtype=np.int64)
    keys, inner_key = joint_keys((ranges.thread, ranges.start_ns), (inner.thread, inner.start_ns))
    order = np.lexsort((-ranges.end_ns, keys))
    thread = ranges.thread[order]
    last_started = np.searchsorted(keys[order], inner_key, side="right") - 1
    candidate = np.where(thread[last_started] == inner.thread, last_started, -1)
    found = _last_reaching(thread, ranges.end_ns[order], candidate, inner.end_ns)
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
    """Index of the nearest earlier range of the thread with a later end; -1 where there is none.

    Whatever lies between a range and its guess ends no later than the range. So where the guess
    too ends no later, the guess's own guess takes its place: the steps double.
    """
    guess = np.arange(len(end_ns), dtype=np.int64) - 1
    guess[np.append(True, np.diff(thread) != 0)] = -1
    wrong = np.flatnonzero(guess >= 0)
    while len(wrong):
        wrong = wrong[end_ns[guess[wrong]] <= end_ns[wrong]]
        guess[wrong] = guess[guess[wrong]]
        wrong = wrong[guess[wrong] >= 0]
    return guess


def joint_keys(left: tuple[Int64, Int64], right: tuple[Int64, Int64]) -> tuple[Int64, Int64]:
    """One int64 for each pair (major, minor), on one scale for both sides; the order is kept."""
    distinct = np.union1d(_distinct(left[0]), _distinct(right[0]))
    minors = left[1], right[1]
    if len(distinct) < 2:
        return minors
    low = min((int(minor.min()) for minor in minors if len(minor)), default=0)
    steps = 1 - low + max((int(minor.max()) for minor in minors if len(minor)), default=0)
    if len(distinct) * steps >= 2**62:
        minors, low = _ranks(*minors), 0
        steps = sum(map(len, minors))
    ranks = (np.searchsorted(distinct, major) for major in (left[0], right[0]))
    first, second = (
        rank * steps + (minor - low) for rank, minor in zip(ranks, minors, strict=True)
    )
    return first, second


def _ranks(left: Int64, right: Int64) -> tuple[Int64, Int64]:
    """Dense ranks of two arrays on one scale."""
    distinct = np.union1d(_distinct(left), _distinct(right))
    return np.searchsorted(distinct, left), np.searchsorted(distinct, right)


def _distinct(values: Int64) -> Int64:
    """Distinct values, by hashing: there are few processes and threads among millions of calls."""
    distinct: Int64 = np.asarray(pc.unique(pa.array(values)))
    return distinct


def _in_time(spans: Spans, chosen: npt.NDArray[np.bool_]) -> Int64:
    """Order of the chosen spans by start, of equal ones the longest first."""
    if (np.diff(spans.start_ns) > 0).all():
        return np.flatnonzero(chosen)
    order: Int64 = np.lexsort((-spans.end_ns, spans.start_ns))
    return order[chosen[order]]
