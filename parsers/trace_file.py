"""A single trace file, without a recording: its format is found by its content, then parsed."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from ..store.errors import BadInput
from .calls import find_call_ranges
from .events import Trace
from .kineto.trace import read_kineto
from .messages import Refusal, TraceWarning
from .ncu.counters import Counters, read_ncu
from .ncu.report import read_ncu_report
from .nsys.arrow_tables import is_arrow_export
from .nsys.trace import read_nsys
from .trace_format import TraceFormat, trace_format
from .trace_tables import Piece, trace_tables

_RECORD_BY_NSYS: Final = (
    "record CUDA and NVTX (`nsys profile -t cuda,nvtx`), around code that runs on it"
)
_RECORD_BY_TORCH: Final = (
    "record with ProfilerActivity.CUDA, around code that runs on the GPU and its synchronization"
)


class ParsedTrace(NamedTuple):
    """(Table name, rows) as an iterator to be read once, and sentences to warn the user with.

    `warnings` is whole once all pieces are read.
    """

    pieces: Iterator[Piece]
    warnings: Sequence[str]


def parse_trace(path: Path) -> ParsedTrace:
    """Parse an export of nsys, an ncu raw page (CSV) or a torch.profiler trace (JSON, gzip).

    A report of ncu is read too where NVIDIA's package ncu-report is installed. Raises BadInput
    where the file is none of these, is damaged, or holds neither kernels nor ranges; reading the
    pieces raises it too.
    """
    if is_arrow_export(path):
        return _events(read_nsys(path), path)
    match trace_format(path):
        case TraceFormat.NSYS_SQLITE:
            return _events(read_nsys(path), path)
        case TraceFormat.KINETO_JSON:
            return _events(read_kineto(path), path, _RECORD_BY_TORCH)
        case TraceFormat.NCU_CSV:
            return _counters(read_ncu(path), path)
        case TraceFormat.NCU_REPORT:
            return _counters(read_ncu_report(path), path)


def _counters(counters: Counters, path: Path) -> ParsedTrace:
    """Counters of a file. Raises BadInput where it has no kernel."""
    if not counters.table.num_rows:
        raise BadInput(
            f"{path} {Refusal.NCU_NO_ROWS}",
            hint="profile again: ncu found no kernel, or its filters (-k, --nvtx-include) fit none",
        )
    return ParsedTrace(iter([("counters", counters.table)]), counters.warnings)


def _events(trace: Trace, path: Path, way_out: str = _RECORD_BY_NSYS) -> ParsedTrace:
    """Tables of a trace of kernels and ranges. Raises BadInput where there is nothing for them."""
    if trace.kernels.num_rows:
        return ParsedTrace(trace_tables(trace, None, on_gpu=True), trace.warnings)
    ranges = len(trace.range_names)
    if not _has_other_rows(trace):
        found = f"holds {ranges} {Refusal.NO_KERNELS}" if ranges else Refusal.NO_EVENTS
        found += f", but {len(trace.api)} CUDA call(s)" if len(trace.api) else ""
        warnings = f" ({'; '.join(trace.warnings)})" if trace.warnings else ""
        raise BadInput(f"{path} {found}{warnings}", hint=way_out)
    trace.warnings.append(f"{path.name} holds {ranges} range(s) and {TraceWarning.NO_KERNEL}")
    return ParsedTrace(trace_tables(trace, None, on_gpu=False), trace.warnings)


def _has_other_rows(trace: Trace) -> bool:
    """Whether a trace without kernels has calls of moeprof, power or samples of a GPU."""
    if len(find_call_ranges(trace.ranges, trace.range_names).spans):
        return True
    return trace.power_samples is not None or next(trace.gpu_samples(), None) is not None
