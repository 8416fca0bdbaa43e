"""The kernel rows of an nsys export: what each launch was, when and on which GPU it ran."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...stats.arrays import Int64
from ..events import NOWHERE, OPEN_END, int64_column
from ..launching import CorrelationIds
from ..messages import TraceWarning
from .clock import SessionClock
from .export import NsysExport

Bools = npt.NDArray[np.bool_]

# A globalPid is the operating system's process id << 24; a globalTid adds the thread in 24 bits.
THREAD_BITS: Final = 0xFFFFFF
_PROCESS_SHIFT: Final = 24
_MAX_GPU: Final = 255  # a typeId holds the GPU's id in its low byte

KERNEL_TABLE: Final = "CUPTI_ACTIVITY_KIND_KERNEL"
NAMES: Final = ("demangledName", "shortName", "mangledName")  # ids in StringIds, the best first

# Columns of `launches`: their names in CUPTI_ACTIVITY_KIND_KERNEL, and the width that they need.
_COLUMNS: Final = {
    "grid_x": ("gridX", pa.int32()),
    "grid_y": ("gridY", pa.int32()),
    "grid_z": ("gridZ", pa.int32()),
    "block_x": ("blockX", pa.int32()),
    "block_y": ("blockY", pa.int32()),
    "block_z": ("blockZ", pa.int32()),
    "registers_per_thread": ("registersPerThread", pa.int32()),
    "static_shared_bytes": ("staticSharedMemory", pa.int32()),
    "dynamic_shared_bytes": ("dynamicSharedMemory", pa.int32()),
    "device": ("deviceId", pa.int32()),
    "context": ("contextId", pa.int32()),
    "stream": ("streamId", pa.int64()),
    "correlation_id": ("correlationId", pa.int64()),
    "graph_node_id": ("graphNodeId", pa.int64()),
}


@dataclass(frozen=True, slots=True, eq=False)
class Kernels:
    """`Trace.kernels`, and the ids by which the launching calls are found, [kernels]."""

    columns: pa.Table
    ids: CorrelationIds


def read_kernels(export: NsysExport, strings: dict[int, str], clock: SessionClock) -> Kernels:
    """Read kernel rows, ordered by start.

    A kernel with impossible times is untimed and comes last.
    """
    types = dict.fromkeys(("start", "end", "globalPid", NAMES[0]), pa.int64())
    raw = export.bulk(KERNEL_TABLE, types | dict(_COLUMNS.values()))
    raw = raw.append_column("name", _names(export, raw.column(NAMES[0]), strings))
    raw, timed = _by_start(raw, clock)
    start = clock.since_start(int64_column(raw, "start"))
    end = clock.since_start(int64_column(raw, "end"))
    process = int64_column(raw, "globalPid", NOWHERE)
    pid_bits = ((process >> _PROCESS_SHIFT) & THREAD_BITS).astype(np.int32)
    pid = pa.array(pid_bits, mask=~_valid(raw, "globalPid"))
    columns: dict[str, Any] = {
        "kernel": raw.column("name"),
        "start_ns": pa.array(clock.since_epoch(start), mask=~timed),
        "duration_ns": pa.array(end - start, mask=~timed),
        "process": pid,
        "gpu": _gpu_ids(export, pid, raw.column("deviceId").combine_chunks()),
    }
    columns |= {name: raw.column(old) for name, (old, _) in _COLUMNS.items()}
    correlation = int64_column(raw, "correlationId")
    ids = CorrelationIds(process, correlation, _valid(raw, "correlationId"))
    return Kernels(pa.table(columns), ids)


def _names(export: NsysExport, demangled: Any, strings: dict[int, str]) -> Any:
    """Name of each kernel: the first of `NAMES` that is in `strings`; a warning counts the others.

    The columns after the first are read only where it leaves names open.
    """
    names = texts_of(demangled, strings)
    if not names.null_count:
        return names
    others = export.bulk(KERNEL_TABLE, dict.fromkeys(NAMES[1:], pa.int64()))
    found = [names, *(texts_of(column, strings) for column in others.columns)]
    whole = pc.coalesce(*(each.cast(pa.string()) for each in found)).dictionary_encode()
    export.left_out[TraceWarning.UNNAMED_KERNELS] += whole.null_count
    return whole


def texts_of(ids: "pa.ChunkedArray[Any]", strings: dict[int, str]) -> Any:
    """Texts by their ids in StringIds, as a dictionary array; null without a text."""
    encoded = ids.combine_chunks().dictionary_encode()
    ids_once = encoded.dictionary.to_pylist()
    texts = pa.array(
        [None if each is None else strings.get(each) or None for each in ids_once],
        pa.string(),
    )
    named = pa.DictionaryArray.from_arrays(encoded.indices, texts)
    # A null in the dictionary is no null of the array: encode such an array anew.
    return named.cast(pa.string()).dictionary_encode() if texts.null_count else named


def _by_start(raw: pa.Table, clock: SessionClock) -> tuple[pa.Table, Bools]:
    """Rows in order of their start, untimed kernels last; and whether each is timed."""
    timed = _has_time(raw, clock)
    start = np.where(timed, int64_column(raw, "start"), OPEN_END)
    if (np.diff(start) >= 0).all():
        return raw, timed
    order = np.argsort(start, kind="stable")
    return raw.take(order), timed[order]


def _has_time(raw: pa.Table, clock: SessionClock) -> Bools:
    """Whether the times of each kernel are possible, bool [kernels].

    A start and an end of 0 say that CUPTI could not collect them (cupti_activity.h,
    CUpti_ActivityKernel). A duration of 0 at any other time is kept: a clock may be coarse.
    """
    exported = [int64_column(raw, name) for name in ("start", "end")]
    start, end = (clock.since_start(each) for each in exported)
    near = clock.in_session(start) & clock.in_session(end)
    lost = (start == end) & ((start == 0) | (exported[0] == 0))  # 0 before or after a shift
    known = _valid(raw, "start") & _valid(raw, "end")
    return np.asarray((start <= end) & near & ~lost & known)


def _valid(table: pa.Table, name: str) -> Bools:
    return np.asarray(table.column(name).is_valid(), dtype=np.bool_)


def _gpu_ids(export: NsysExport, pid: Any, ordinal: Any) -> Any:
    """nsys's id of the GPU behind each kernel's CUDA ordinal; null where the export has no map.

    A process may see its GPUs in any order, so only TARGET_INFO_CUDA_DEVICE maps them; without it
    the answer is certain where the machine has one GPU.
    """
    devices = export.read("TARGET_INFO_CUDA_DEVICE", ["gpuId", "cudaId", "pid"]).to_pylist()
    if not devices:
        return pa.repeat(pa.scalar(only_gpu(export), pa.int32()), len(pid))
    gpu = np.full(len(pid), -1, dtype=np.int64)
    processes, ordinals = (_filled(each) for each in (pid, ordinal))
    for row in devices:
        if None not in row.values() and 0 <= row["gpuId"] <= _MAX_GPU:
            gpu[(processes == row["pid"]) & (ordinals == row["cudaId"])] = row["gpuId"]
    return pa.array(gpu, mask=gpu < 0).cast(pa.int32())


def only_gpu(export: NsysExport) -> int | None:
    """nsys's id of the machine's GPU; None where it has several or the export lists none."""
    gpus = export.read("TARGET_INFO_GPU", ["id"]).column("id").drop_null().to_pylist()
    known = [gpu for gpu in gpus if gpu is not None and 0 <= gpu <= _MAX_GPU]
    return known[0] if len(known) == len(gpus) == 1 else None


def _filled(column: Any) -> Int64:
    return np.asarray(pc.fill_null(column, -1), dtype=np.int64)
