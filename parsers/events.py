"""The content of a trace in one form for all tools: kernels, host API calls, ranges, samples."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..stats.arrays import Int64
from .messages import TraceWarning

OPEN_END: Final = int(np.iinfo(np.int64).max)  # stands for the end of a range never closed
UNNAMED: Final = "(unnamed)"  # the name of a range for which the file has none
NOWHERE: Final = -1  # the thread, or the process, of a span that belongs to none
# In place of the index of a kernel's launching call, all negative:
NO_CALL: Final = -1
UNKNOWN_CALL: Final = -2
BEFORE_LAUNCH: Final = -3


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """Time intervals on host threads: int64 arrays [n], times in ns on the trace's clock.

    `thread` identifies the thread across processes and `process` the process; their values have no
    other meaning. A range has a thread if it began and ended on that, and a process if it stands
    for all threads of it (NVTX start/end ranges do); NOWHERE where not. `process` is None where no
    range of the tool stands for a process.
    """

    start_ns: Int64
    end_ns: Int64
    thread: Int64
    process: Int64 | None = None

    def __len__(self) -> int:
        return len(self.start_ns)

    def take(self, index: Int64) -> "Spans":
        """Return the spans at `index`, int64 [k]."""
        process = None if self.process is None else self.process[index]
        return Spans(self.start_ns[index], self.end_ns[index], self.thread[index], process)


class Samples(NamedTuple):
    """Rows of `gpu_samples` in order of time; `stream` identifies one GPU's set of metrics."""

    stream: int
    table: pa.Table


def _no_samples() -> Iterator[Samples]:
    return iter(())


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """One trace of one tool.

    kernels: the columns of `launches` that the tool itself gives, ordered by start; integers of
        any width, texts as dictionaries. start_ns and duration_ns of an untimed kernel are null,
        and it comes after all others.
    api: the host's calls into CUDA.
    launched_by: int64 [kernels], index into `api`; NO_CALL where the launching call is not
        recorded, UNKNOWN_CALL where the file does not say enough to find it or its place,
        BEFORE_LAUNCH where the kernel starts too long before it.
    too_early_of: int64, index into `api` of the launching call of each kernel of BEFORE_LAUNCH.
    ranges, range_names: named ranges, [ranges]; a range never closed ends at OPEN_END.
    file: the trace's name, for warnings.
    warnings: sentences for the user; more may come while the tables are made.
    gpu_samples: reads the sampled metrics in pieces, from the start at each call.
    power_samples: the table `power_samples`; None where the trace has no power.
    """

    kernels: pa.Table
    api: Spans
    launched_by: Int64
    ranges: Spans
    range_names: "pa.StringArray"
    file: str
    warnings: list[str]
    gpu_samples: Callable[[], Iterator[Samples]] = _no_samples
    power_samples: pa.Table | None = None
    too_early_of: Int64 = field(default_factory=lambda: np.empty(0, np.int64))


def is_timed(kernels: pa.Table) -> "npt.NDArray[np.bool_]":
    """Whether each kernel of a Trace has a time, bool [kernels]."""
    valid = (kernels.column(name).is_valid() for name in ("start_ns", "duration_ns"))
    timed: npt.NDArray[np.bool_] = np.logical_and(*map(np.asarray, valid))
    return timed


def untimed_warning(file: str, untimed: int, kernels: int) -> str:
    """Sentence about `untimed` of `kernels` kernels of a file whose recorded times cannot be."""
    return (
        f"{file}: {untimed} of {kernels} {TraceWarning.UNTIMED} (none, the end before the start,"
        " both 0, or years away): they stay without time, and their calls without busy time"
    )


def int64_column(table: pa.Table, name: str, missing: int = -1) -> Int64:
    """Column `name` as int64 [rows], nulls replaced by `missing`."""
    column = table.column(name).combine_chunks()
    if column.null_count:
        column = column.cast(pa.int64()).fill_null(missing)
    return np.asarray(column, dtype=np.int64)
