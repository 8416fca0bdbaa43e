"""An nsys export as a trace: kernels, the API calls that launched them, ranges, GPU metrics."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...stats.arrays import Int64
from ..events import (
    NOWHERE,
    OPEN_END,
    Spans,
    Trace,
    int64_column,
    is_timed,
    untimed_warning,
)
from ..launching import CorrelationIds, far_from_launch, launching_calls, too_early
from ..messages import TraceWarning
from .cells import REPLACEMENT
from .clock import SessionClock, sampled_clock, session_clock
from .export import NsysExport, open_export
from .gpu_metrics import read_gpu_samples
from .kernels import KERNEL_TABLE, THREAD_BITS, Kernels, read_kernels
from .power import read_power_samples
from .ranges import read_ranges

_GRAPHS: Final = "CUPTI_ACTIVITY_KIND_GRAPH_TRACE"


def read_nsys(path: Path) -> Trace:
    """Read an nsys SQLite export; times are ns since the Unix epoch.

    Times count from the start of the session, with a warning, where the export does not hold that
    start. Raises BadInput where the file is no intact export of a known schema version.
    """
    with open_export(path) as export:
        strings = export.strings()
        clock = session_clock(export)
        kernels = read_kernels(export, strings, clock)
        api, call_ids = _api(export, clock)
        launched_by = _launching_calls(export, kernels, call_ids, api)
        rows, launched_by = _without_far_times(export, kernels.columns, launched_by, api)
        start_ns = int64_column(rows, "start_ns")
        launched_by, too_early_of, early = too_early(start_ns, is_timed(rows), launched_by, api)
        export.warnings += [f"{path.name}: {each}" for each in early]
        _warn_about_untimed(export, rows)
        ranges, names = read_ranges(export, strings, clock)
        samples = sampled_clock(export, clock)
        power = read_power_samples(export, strings, samples)
        _warn_about_graphs(export)
        if export.bad_cells.replaced:
            damaged = _damaged_names(rows, names)
            export.left_out[TraceWarning.NOT_UTF8] += damaged
        warnings = [*export.sentences(), *_diagnostics(export)]
        return Trace(
            kernels=rows,
            api=api,
            launched_by=launched_by,
            ranges=_since_epoch(ranges, clock),
            range_names=names,
            file=path.name,
            warnings=warnings,
            gpu_samples=partial(read_gpu_samples, path, samples, warnings),
            power_samples=power,
            too_early_of=too_early_of,
        )


def _launching_calls(
    export: NsysExport, kernels: Kernels, call_ids: CorrelationIds, api: Spans
) -> Int64:
    """Launching call of each kernel; warnings count those that rest on less than their id."""
    ids = kernels.ids
    nowhere = np.flatnonzero(ids.known & (ids.process == NOWHERE))
    if len(nowhere):
        processes = np.unique(call_ids.process[call_ids.known])
        is_one = len(processes) == 1
        if is_one:
            process = np.where(ids.process == NOWHERE, processes[0], ids.process)
            ids = replace(ids, process=process)
        warning = TraceWarning.ONE_PROCESS if is_one else TraceWarning.NO_PROCESS
        export.left_out[warning] += len(nowhere)
    start_ns = int64_column(kernels.columns, "start_ns", missing=OPEN_END)
    launched_by, unsure = launching_calls(ids, call_ids, api, start_ns)
    export.left_out[TraceWarning.SEVERAL_LAUNCHES] += unsure
    return launched_by


def _without_far_times(
    export: NsysExport, kernels: pa.Table, launched_by: Int64, api: Spans
) -> tuple[pa.Table, Int64]:
    """Kernels and their launching calls; one that is far from its launch is untimed, at the end."""
    start_ns, timed = int64_column(kernels, "start_ns"), is_timed(kernels)
    far = timed & far_from_launch(start_ns, launched_by, api)
    if not far.any():
        return kernels, launched_by
    export.left_out[TraceWarning.FAR_FROM_LAUNCH] += int(np.count_nonzero(far))
    untimed = ~timed | far
    for name in ("start_ns", "duration_ns"):
        times = pa.array(int64_column(kernels, name), mask=untimed)
        kernels = kernels.set_column(kernels.schema.get_field_index(name), name, times)
    order = np.argsort(untimed, kind="stable")
    return kernels.take(order), launched_by[order]


def _warn_about_untimed(export: NsysExport, kernels: pa.Table) -> None:
    untimed = int(np.count_nonzero(~is_timed(kernels)))
    if untimed and not export.warn_of_missing(KERNEL_TABLE, ("start", "end")):
        warning = untimed_warning(export.path.name, untimed, kernels.num_rows)
        export.warnings.append(warning)


def _damaged_names(kernels: pa.Table, ranges: "pa.StringArray") -> int:
    """Number of names of kernels and ranges with bytes that are no UTF-8."""
    names: Any = kernels.column("kernel").unique()
    used: Any = pa.concat_arrays([names.cast(pa.string()), ranges.unique()])
    damaged: Any = pc.match_substring(used, REPLACEMENT)
    return int(damaged.true_count)


def _diagnostics(export: NsysExport) -> list[str]:
    return [f"{export.path.name}: nsys says: {text}" for text in export.diagnostics()]


def _warn_about_graphs(export: NsysExport) -> None:
    graphs = sum(rows.num_rows for rows in export.blocks(_GRAPHS, {"start": pa.int64()}))
    if graphs:
        export.warnings.append(
            f"{export.path.name}: {graphs} {TraceWarning.GRAPHS_TRACED_WHOLE}, without their"
            " kernels; record with --cuda-graph-trace=node"
        )


def _api(export: NsysExport, clock: SessionClock) -> tuple[Spans, CorrelationIds]:
    """Host calls into CUDA, since the epoch, with their process and correlation ids.

    A call without time or thread is NOWHERE; a warning counts those.
    """
    types = dict.fromkeys(("start", "end", "globalTid", "correlationId"), pa.int64())
    export.warn_of_missing("CUPTI_ACTIVITY_KIND_RUNTIME", list(types))
    rows = export.bulk("CUPTI_ACTIVITY_KIND_RUNTIME", types)
    thread = int64_column(rows, "globalTid")
    valid = {name: np.asarray(rows.column(name).is_valid()) for name in types}
    process = thread & ~np.int64(THREAD_BITS)
    start, end = (clock.since_start(int64_column(rows, name)) for name in ("start", "end"))
    placed = valid["start"] & valid["end"] & valid["globalTid"]
    placed &= clock.in_session(start) & clock.in_session(end)
    export.left_out[TraceWarning.UNPLACED_CALLS] += int(np.count_nonzero(~placed))
    known = valid["globalTid"] & valid["correlationId"]
    ids = CorrelationIds(process, int64_column(rows, "correlationId"), known)
    spans = Spans(start, end, np.where(placed, thread, NOWHERE), process)
    return _since_epoch(spans, clock), ids


def _since_epoch(spans: Spans, clock: SessionClock) -> Spans:
    """Convert session time to epoch time; OPEN_END stays."""
    end = np.where(spans.end_ns == OPEN_END, OPEN_END, clock.since_epoch(spans.end_ns))
    return replace(spans, start_ns=clock.since_epoch(spans.start_ns), end_ns=end)
