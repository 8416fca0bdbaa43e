"""What a trace holds, whatever tool wrote it: kernels, the host calls behind them, named ranges."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Int64 = npt.NDArray[np.int64]

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


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """One trace of one tool.

    `kernels` holds the columns of `launches` that the tool itself gives, ordered by start.
    `launched_by` int64 [kernels] points into `api`, the host's calls into CUDA; -1 where the call
    of a kernel was not recorded. `ranges` and `range_names` belong together; a range that was
    never closed ends at OPEN_END. `gpu_samples` is that table, or None where nothing sampled.
    """

    kernels: pa.Table
    api: Spans
    launched_by: Int64
    ranges: Spans
    range_names: list[str]
    gpu_samples: pa.Table | None
    warnings: tuple[str, ...]


def int64_column(table: pa.Table, name: str, missing: int = -1) -> Int64:
    """Column `name` as int64 [rows], nulls replaced by `missing`."""
    column = table.column(name).combine_chunks().fill_null(missing)
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.int64)
