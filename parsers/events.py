"""What a trace holds, whatever tool wrote it: kernels, the host calls behind them, named ranges."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from ..stats.arrays import Int64

OPEN_END: Final = int(np.iinfo(np.int64).max)  # end of a range that was never closed


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """Stretches of time on host threads: int64 arrays [n], times in ns on the trace's clock.

    `thread` tells threads apart across processes; its values mean nothing else.
    """

    start_ns: Int64
    end_ns: Int64
    thread: Int64

    def __len__(self) -> int:
        return len(self.start_ns)

    def take(self, index: Int64) -> "Spans":
        """Return the spans at `index`, int64 [k]."""
        return Spans(self.start_ns[index], self.end_ns[index], self.thread[index])


class Samples(NamedTuple):
    """Some rows of `gpu_samples`, in order of time; a stream is one set of metrics of one GPU."""

    stream: int
    table: pa.Table


def _no_samples() -> Iterator[Samples]:
    return iter(())


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """One trace of one tool.

    `kernels` holds the columns of `launches` that the tool itself gives, of any integer width and
    texts as dictionaries, ordered by start. `launched_by` int64 [kernels] points into `api`, the
    host's calls into CUDA; -1 where the call of a kernel was not recorded. `ranges` and
    `range_names` belong together; a range that was never closed ends at OPEN_END. `gpu_samples`
    reads what was sampled, anew at each call and never as a whole; `power_samples` is that table.
    """

    kernels: pa.Table
    api: Spans
    launched_by: Int64
    ranges: Spans
    range_names: "pa.StringArray"
    warnings: tuple[str, ...]
    gpu_samples: Callable[[], Iterator[Samples]] = _no_samples
    power_samples: pa.Table | None = None


def int64_column(table: pa.Table, name: str, missing: int = -1) -> Int64:
    """Column `name` as int64 [rows], nulls replaced by `missing`."""
    column = table.column(name).combine_chunks()
    if column.null_count:
        column = column.cast(pa.int64()).fill_null(missing)
    return np.asarray(column, dtype=np.int64)
