"""An nsys export as a trace: its kernels, the calls that launched them, ranges, GPU metrics."""

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from .attribution import CorrelationIds, launching_calls
from .events import OPEN_END, Int64, Spans, Trace, int64_column
from .gpu_metrics import read_gpu_samples
from .nsys_export import NsysExport, open_export
from .nsys_ranges import read_ranges

_THREAD_BITS: Final = 0xFFFFFF  # of a globalTid; what remains is the globalPid
_PROCESS_SHIFT: Final = 24  # of the operating system's process id in a globalPid

# Columns of `launches`, by their names in CUPTI_ACTIVITY_KIND_KERNEL.
_KERNEL_COLUMNS: Final = {
    "grid_x": "gridX",
    "grid_y": "gridY",
    "grid_z": "gridZ",
    "block_x": "blockX",
    "block_y": "blockY",
    "block_z": "blockZ",
    "registers_per_thread": "registersPerThread",
    "static_shared_bytes": "staticSharedMemory",
    "dynamic_shared_bytes": "dynamicSharedMemory",
    "device": "deviceId",
    "context": "contextId",
    "stream": "streamId",
    "correlation_id": "correlationId",
    "graph_node_id": "graphNodeId",
}


def read_nsys(path: Path) -> Trace:
    """Read an nsys SQLite export; times are ns since the epoch where the export says its start.

    Raises BadInput where the file is no intact export of a known schema version.
    """
    with open_export(path) as export:
        strings = export.strings()
        epoch_ns = _session_start_ns(export)
        raw = _raw_kernels(export)
        calls = export.read(
            "CUPTI_ACTIVITY_KIND_RUNTIME", ["start", "end", "globalTid", "correlationId"]
        )
        ranges, names = read_ranges(export, strings)
        samples = read_gpu_samples(export, strings, epoch_ns)
        trace = Trace(
            kernels=_kernel_columns(export, raw, strings, epoch_ns),
            api=_shifted(_api_spans(calls), epoch_ns),
            launched_by=launching_calls(_kernel_ids(raw), _call_ids(calls), _api_spans(calls)),
            ranges=_shifted(ranges, epoch_ns),
            range_names=names,
            gpu_samples=samples,
            warnings=(*export.warnings, *_diagnostics(export)),
        )
    return trace


def _session_start_ns(export: NsysExport) -> int:
    starts = export.read("TARGET_INFO_SESSION_START_TIME", ["utcEpochNs"])
    known = int64_column(starts, "utcEpochNs", missing=0)
    if len(known) and known[0] > 0:
        return int(known[0])
    export.warnings.append(
        f"{export.path.name} does not say when it began: its times count from its start"
    )
    return 0


def _diagnostics(export: NsysExport) -> list[str]:
    return [f"{export.path.name}: nsys says: {text}" for text in export.diagnostics()]


def _raw_kernels(export: NsysExport) -> pa.Table:
    """Kernel rows ordered by start; those that end before they start are dropped with a warning."""
    columns = ["start", "end", "globalPid", "demangledName", *_KERNEL_COLUMNS.values()]
    raw = export.read("CUPTI_ACTIVITY_KIND_KERNEL", columns, order="start")
    possible = int64_column(raw, "end") >= int64_column(raw, "start")
    impossible = int(np.count_nonzero(~possible))
    if impossible:
        export.warnings.append(
            f"{export.path.name}: {impossible} kernel(s) end before they start and are left out"
        )
    return raw.filter(pa.array(possible)) if impossible else raw


def _kernel_columns(
    export: NsysExport, raw: pa.Table, strings: dict[int, str], epoch_ns: int
) -> pa.Table:
    start = int64_column(raw, "start")
    process = raw.column("globalPid").to_pylist()
    pids = [None if p is None else (p >> _PROCESS_SHIFT) & _THREAD_BITS for p in process]
    columns = {
        "kernel": pa.array(
            [strings.get(name or -1) for name in raw.column("demangledName").to_pylist()],
            pa.string(),
        ),
        "start_ns": pa.array(start + epoch_ns),
        "duration_ns": pa.array(int64_column(raw, "end") - start),
        "process": pa.array(pids, pa.int64()),
        "gpu": pa.array(_gpu_ids(export, pids, raw.column("deviceId").to_pylist()), pa.int32()),
    }
    return pa.table(columns | {name: raw.column(old) for name, old in _KERNEL_COLUMNS.items()})


def _gpu_ids(
    export: NsysExport, pids: list[int | None], ordinals: list[int | None]
) -> list[int | None]:
    """Nsys's id of the GPU behind each kernel's CUDA ordinal; None where the export does not say.

    A process may see its GPUs in any order, so only TARGET_INFO_CUDA_DEVICE maps them; without it
    the answer is certain where the machine has one GPU.
    """
    devices = export.read("TARGET_INFO_CUDA_DEVICE", ["gpuId", "cudaId", "pid"]).to_pylist()
    if devices:
        by_ordinal = {(row["pid"], row["cudaId"]): row["gpuId"] for row in devices}
        return [by_ordinal.get(pair) for pair in zip(pids, ordinals, strict=True)]
    gpus = export.read("TARGET_INFO_GPU", ["id"]).column("id").to_pylist()
    return [gpus[0] if len(gpus) == 1 else None] * len(pids)


def _kernel_ids(raw: pa.Table) -> CorrelationIds:
    return _ids(raw, int64_column(raw, "globalPid"), "globalPid")


def _call_ids(calls: pa.Table) -> CorrelationIds:
    return _ids(calls, int64_column(calls, "globalTid") & ~np.int64(_THREAD_BITS), "globalTid")


def _ids(table: pa.Table, process: Int64, column: str) -> CorrelationIds:
    known = [np.asarray(table.column(name).is_valid()) for name in (column, "correlationId")]
    return CorrelationIds(process, int64_column(table, "correlationId"), known[0] & known[1])


def _api_spans(calls: pa.Table) -> Spans:
    return Spans(*(int64_column(calls, name) for name in ("start", "end", "globalTid")))


def _shifted(spans: Spans, epoch_ns: int) -> Spans:
    """Session time as epoch time; an open end stays open."""
    end = np.where(spans.end_ns == OPEN_END, OPEN_END, spans.end_ns + epoch_ns)
    return Spans(spans.start_ns + epoch_ns, end, spans.thread)
