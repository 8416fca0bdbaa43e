"""The host's call into CUDA that launched each kernel, found by process and correlation id."""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ..stats.arrays import Int64
from .events import BEFORE_LAUNCH, NO_CALL, NOWHERE, UNKNOWN_CALL, Spans
from .joint_keys import joint_keys
from .messages import TraceWarning

Bools = npt.NDArray[np.bool_]

_LARGEST_SKEW_NS: Final = 10**6
_ANOTHER_CLOCK_NS: Final = 10**9
_LONGEST_QUEUE_NS: Final = 86_400 * 10**9
_KERNELS_AT_ONCE: Final = 65_536


@dataclass(frozen=True, slots=True, eq=False)
class CorrelationIds:
    """Process and correlation id, int64 [n] each; `known` bool [n] is False where the id is null.

    A correlation id is unique within its process only; `process` is NOWHERE where it is not known.
    """

    process: Int64
    correlation: Int64
    known: Bools


class Launching(NamedTuple):
    """`launched_by` int64 [kernels] as in Trace, and how many of them time alone does not settle.

    A kernel is `unsure` if its id names several separate calls and not just one begins before it.
    """

    launched_by: Int64
    unsure: int


def launching_calls(
    kernels: CorrelationIds, calls: CorrelationIds, spans: Spans, start_ns: Int64
) -> Launching:
    """Find the host API call that launched each kernel.

    `spans` are the times of `calls`, thread NOWHERE for one whose time or thread is not known;
    `start_ns` int64 [kernels] is OPEN_END for an untimed kernel. Where an id names several separate
    calls, the last one that begins before the kernel launched it, else the first one.
    """
    kernel_key, call_key = joint_keys(
        (kernels.process, kernels.correlation), (calls.process, calls.correlation)
    )
    is_placed = spans.thread != NOWHERE
    order = _outer_calls(call_key, spans, calls.known & is_placed)
    placed = call_key[order], spans.start_ns[order]
    unplaced = call_key[calls.known & ~is_placed]
    launched_by = np.full(len(kernel_key), NO_CALL, dtype=np.int64)
    unsure = 0
    for first in range(0, len(kernel_key), _KERNELS_AT_ONCE):
        rows = slice(first, first + _KERNELS_AT_ONCE)
        known, key = kernels.known[rows], kernel_key[rows]
        place, is_sure = _places(placed, (key, start_ns[rows]))
        lost = (kernels.process[rows] == NOWHERE) | np.isin(key, unplaced)
        launched_by[rows][known & lost] = UNKNOWN_CALL
        found = known & (place >= 0)
        launched_by[rows][found] = order[place[found]]
        unsure += int(np.count_nonzero(known & ~is_sure))
    return Launching(launched_by, unsure)


def _outer_calls(call_key: Int64, spans: Spans, chosen: Bools) -> Int64:
    """Indices of the chosen calls, sorted by key and start, without those inside one of their key.

    Runtime and driver API both record one launch under one id: the outer is the launching call.
    Calls of two threads are two launches, also at the same time.
    """
    order = _by_start(spans, chosen)
    if (np.diff(call_key[order]) < 0).any():
        order = order[np.argsort(call_key[order], kind="stable")]
    keys = call_key[order]
    repeats = np.diff(keys) == 0
    if not repeats.any():
        return order
    repeats &= np.diff(spans.thread[order]) == 0
    start_ns, end_ns = spans.start_ns[order], spans.end_ns[order]
    if (repeats & (start_ns[1:] >= end_ns[:-1])).any():
        ends, starts = joint_keys((keys, end_ns), (keys, start_ns))
        inner = repeats & (starts[1:] < np.maximum.accumulate(ends)[:-1])
    else:
        inner = repeats
    return order[np.flatnonzero(np.append(True, ~inner))]


def _places(calls: tuple[Int64, Int64], kernels: tuple[Int64, Int64]) -> tuple[Int64, Bools]:
    """Place of each kernel's launching call, -1 for none, and whether its key and time settle that.

    Both are given by key and start; calls are sorted by them.
    """
    place = np.searchsorted(calls[0], kernels[0])
    count = np.searchsorted(calls[0], kernels[0], side="right") - place
    is_sure = np.ones(len(place), dtype=np.bool_)
    several = np.flatnonzero(count > 1)
    if len(several):
        begins, starts = joint_keys(calls, (kernels[0][several], kernels[1][several]))
        before = np.searchsorted(begins, starts, side="right") - place[several]
        place[several] += np.maximum(before, 1) - 1
        is_sure[several] = before == 1
    place[count == 0] = -1
    return place, is_sure


def far_from_launch(start_ns: Int64, launched_by: Int64, api: Spans) -> Bools:
    """Whether each kernel starts a second before its launching call or a day after it, bool [n].

    Beyond these limits the time is that of another clock.
    """
    far = np.zeros(len(start_ns), dtype=np.bool_)
    for first in range(0, len(far), _KERNELS_AT_ONCE):
        rows = slice(first, first + _KERNELS_AT_ONCE)
        ahead_ns = time_before_launch(start_ns[rows], launched_by[rows], api)
        far[rows] = (ahead_ns > _ANOTHER_CLOCK_NS) | (ahead_ns < -_LONGEST_QUEUE_NS)
    return far


def time_before_launch(start_ns: Int64, launched_by: Int64, api: Spans) -> Int64:
    """Time from each kernel's start to the start of its launching call; 0 where that is missing."""
    ahead_ns = np.zeros(len(start_ns), dtype=np.int64)
    launched = np.flatnonzero(launched_by >= 0)
    ahead_ns[launched] = api.start_ns[launched_by[launched]] - start_ns[launched]
    return ahead_ns


class TooEarly(NamedTuple):
    """`launched_by` [kernels] without the kernels that start too early, whose calls are `calls`.

    `sentences` say how many start before their launch, and by how much at most.
    """

    launched_by: Int64
    calls: Int64
    sentences: list[str]


def too_early(start_ns: Int64, timed: Bools, launched_by: Int64, api: Spans) -> TooEarly:
    """Take the launching call from each `timed` kernel that starts over 1 ms before it.

    Where the clocks of host and GPU differ, a kernel starts some us before its launch
    (pytorch/kineto issue 1380): up to 1 ms is that.
    """
    ahead_ns = np.where(timed, time_before_launch(start_ns, launched_by, api), 0)
    is_early = ahead_ns > _LARGEST_SKEW_NS
    is_skewed = (ahead_ns > 0) & ~is_early
    sentences = [
        f"{np.count_nonzero(chosen)} {TraceWarning.STARTS_BEFORE_LAUNCH}, by up to"
        f" {ahead_ns[chosen].max() / 1000:.3f} us, and are {what}"
        for chosen, what in (
            (is_skewed, "attributed: the clocks of host and GPU differ"),
            (is_early, "kept without a range: more than 1 ms is no difference of two clocks"),
        )
        if chosen.any()
    ]
    left = np.where(is_early, BEFORE_LAUNCH, launched_by)
    return TooEarly(left, launched_by[is_early], sentences)


def _by_start(spans: Spans, chosen: Bools) -> Int64:
    """Indices of the chosen spans, sorted by start; of equal starts the longest first."""
    if (np.diff(spans.start_ns) > 0).all():
        return np.flatnonzero(chosen)
    order: Int64 = np.lexsort((-spans.end_ns, spans.start_ns))
    return order[chosen[order]]
