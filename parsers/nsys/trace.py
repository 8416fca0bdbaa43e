"""An nsys export as a trace: kernels, the API calls that launched them, ranges, GPU metrics."""

from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from ..attribution import CorrelationIds, launching_calls
from ..events import OPEN_END, Spans, Trace, int64_column
from ..messages import TraceWarning
from .export import NsysExport, open_export
from .gpu_metrics import read_gpu_samples
from .kernels import THREAD_BITS, read_kernels
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
        epoch_ns = _session_start_ns(export)
        kernels = read_kernels(export, strings, epoch_ns)
        api, call_ids = _api(export)
        launched_by = launching_calls(kernels.ids, call_ids, api)
        ranges, names = read_ranges(export, strings)
        power = read_power_samples(export, strings, epoch_ns)
        _warn_about_graphs(export)
        return Trace(
            kernels=kernels.columns,
            api=_shifted(api, epoch_ns),
            launched_by=launched_by,
            ranges=_shifted(ranges, epoch_ns),
            range_names=names,
            warnings=(*export.warnings, *_diagnostics(export)),
            gpu_samples=partial(read_gpu_samples, path, epoch_ns),
            power_samples=power,
        )


def _session_start_ns(export: NsysExport) -> int:
    starts = export.read("TARGET_INFO_SESSION_START_TIME", ["utcEpochNs"])
    known = int64_column(starts, "utcEpochNs", missing=0)
    if len(known) and known[0] > 0:
        return int(known[0])
    export.warnings.append(
        f"{export.path.name} {TraceWarning.NO_SESSION_START}: its times count from its start"
    )
    return 0


def _diagnostics(export: NsysExport) -> list[str]:
    return [f"{export.path.name}: nsys says: {text}" for text in export.diagnostics()]


def _warn_about_graphs(export: NsysExport) -> None:
    graphs = sum(rows.num_rows for rows in export.blocks(_GRAPHS, {"start": pa.int64()}))
    if graphs:
        export.warnings.append(
            f"{export.path.name}: {graphs} {TraceWarning.GRAPHS_TRACED_WHOLE}, without their"
            " kernels; record with --cuda-graph-trace=node"
        )


def _api(export: NsysExport) -> tuple[Spans, CorrelationIds]:
    """Host calls into CUDA, in session time, with their process and correlation ids."""
    types = dict.fromkeys(("start", "end", "globalTid", "correlationId"), pa.int64())
    rows = export.bulk("CUPTI_ACTIVITY_KIND_RUNTIME", types)
    thread = int64_column(rows, "globalTid")
    known = [np.asarray(rows.column(name).is_valid()) for name in ("globalTid", "correlationId")]
    process = thread & ~np.int64(THREAD_BITS)
    ids = CorrelationIds(process, int64_column(rows, "correlationId"), known[0] & known[1])
    return Spans(int64_column(rows, "start"), int64_column(rows, "end"), thread), ids


def _shifted(spans: Spans, epoch_ns: int) -> Spans:
    """Convert session time to epoch time; OPEN_END stays."""
    end = np.where(spans.end_ns == OPEN_END, OPEN_END, spans.end_ns + epoch_ns)
    return Spans(spans.start_ns + epoch_ns, end, spans.thread)
