"""Time windows of NVTX ranges on a GPU, and the kernel time of other ranges inside them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..stats.arrays import Int64


@dataclass(frozen=True, slots=True, eq=False)
class RangedLaunches:
    """Kernels in order of their start, arrays of shape (kernels,), times in ns.

    `occurrence` is the index of the kernel's innermost range in `names`, which holds the name of
    each opened range; -1 for a kernel in no range. `gpu` is the profiler's id, -1 where unknown.
    Untimed kernels come last; their `duration_ns` is -1.
    """

    occurrence: npt.NDArray[np.int32]
    names: Any  # pa.DictionaryArray
    start_ns: Int64
    duration_ns: Int64
    gpu: Int64


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Time windows of one range name on one GPU, int64 arrays (n,), sorted by name, GPU and time.

    A window extends from the start of an occurrence's first kernel to the end of its last.
    Overlapping occurrences of one name are one window, so that no time counts twice. `name` is an
    index into the dictionary of the names; `busy_ns` is the kernel time of the range itself.
    `timed`, bool (n,), is False where a kernel has no time: then the window may be too short.
    """

    name: Int64
    gpu: Int64
    begin_ns: Int64
    end_ns: Int64
    busy_ns: Int64
    occurrences: Int64
    launches: Int64
    timed: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.name)


def range_windows(launches: RangedLaunches) -> Windows:
    """Windows of all ranges that launched a kernel."""
    own = np.flatnonzero(launches.occurrence >= 0)
    own = own[np.lexsort((launches.gpu[own], launches.occurrence[own]))]
    occurrence, gpu, start_ns = launches.occurrence[own], launches.gpu[own], launches.start_ns[own]
    first = np.flatnonzero(changes(occurrence, gpu))
    name = np.asarray(launches.names.indices, dtype=np.int64)[occurrence[first]]
    duration_ns = np.maximum(launches.duration_ns[own], 0)
    single = Windows(
        name=name,
        gpu=gpu[first],
        begin_ns=start_ns[first],
        end_ns=np.maximum.reduceat(start_ns + duration_ns, first),
        busy_ns=np.add.reduceat(duration_ns, first),
        occurrences=np.ones_like(first),
        launches=np.diff(first, append=len(own)),
        timed=np.logical_and.reduceat(launches.duration_ns[own] >= 0, first),
    )
    return _merged(single)


def changes(*columns: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Where a row differs from the previous row in any column, bool (n,); True for row 0."""
    changed = np.zeros(len(columns[0]), dtype=np.bool_)
    changed[:1] = True
    for column in columns:
        changed[1:] |= column[1:] != column[:-1]
    return changed


def _merged(windows: Windows) -> Windows:
    """Merge windows of one name that overlap on one GPU."""
    order = np.lexsort((windows.begin_ns, windows.gpu, windows.name))
    name, gpu, begin_ns = windows.name[order], windows.gpu[order], windows.begin_ns[order]
    apart = changes(name, gpu)
    reach_ns = _running_maximum(windows.end_ns[order], np.cumsum(apart))
    apart[1:] |= begin_ns[1:] >= reach_ns[:-1]
    first = np.flatnonzero(apart)
    return Windows(
        name=name[first],
        gpu=gpu[first],
        begin_ns=begin_ns[first],
        end_ns=np.maximum.reduceat(windows.end_ns[order], first),
        busy_ns=np.add.reduceat(windows.busy_ns[order], first),
        occurrences=np.add.reduceat(windows.occurrences[order], first),
        launches=np.add.reduceat(windows.launches[order], first),
        timed=np.logical_and.reduceat(windows.timed[order], first),
    )


def _running_maximum(values: Int64, group: Int64) -> Int64:
    """Running maximum within each group; groups are numbered in order."""
    by_value = np.lexsort((values, group))
    rank = np.empty_like(by_value)
    rank[by_value] = np.arange(len(values))
    return values[by_value[np.maximum.accumulate(rank)]]


def others_share(
    launches: RangedLaunches, windows: Windows, chosen: Int64
) -> npt.NDArray[np.float64]:
    """Kernel time of other ranges, or of none, over the length of each chosen window, float64.

    `chosen` are indices of windows of one GPU. Overlapping kernels count each, so that a share may
    be above one.
    """
    here = np.flatnonzero((launches.gpu == windows.gpu[chosen[0]]) & (launches.duration_ns >= 0))
    start_ns = launches.start_ns[here]
    finish_ns = np.sort(start_ns + launches.duration_ns[here])
    begin_ns, end_ns = windows.begin_ns[chosen], windows.end_ns[chosen]
    before_ns, until_ns = (_kernel_time_ns(start_ns, finish_ns, at) for at in (begin_ns, end_ns))
    others_ns = until_ns - before_ns - windows.busy_ns[chosen]
    share: npt.NDArray[np.float64] = others_ns / (end_ns - begin_ns)
    return share


def _kernel_time_ns(start_ns: Int64, finish_ns: Int64, at_ns: Int64) -> Int64:
    """Total kernel time until each of the times `at_ns`, ns; starts and ends are sorted.

    Sums of times since the epoch wrap around in int64, and their difference is still exact.
    """
    begun = np.searchsorted(start_ns, at_ns, side="right")
    ended = np.searchsorted(finish_ns, at_ns, side="right")
    starts, ends = (np.concatenate([[0], np.cumsum(each)]) for each in (start_ns, finish_ns))
    time_ns: Int64 = (begun - ended) * at_ns - (starts[begun] - ends[ended])
    return time_ns
