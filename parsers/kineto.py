"""A torch.profiler (Kineto) chrome trace as a trace: kernels, the calls behind them, ranges."""

import gzip
import json
import zlib
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from ..stats.arrays import Int64
from ..store.errors import BadInput
from .attribution import CorrelationIds, launching_calls
from .events import Spans, Trace

Event = dict[str, Any]

_LATEST_US: Final = 2.0**52
OCCUPANCY: Final = "est. achieved occupancy %"
API_CATEGORIES: Final = ("cuda_runtime", "cuda_driver")
ARGUMENTS: Final = {  # columns of `launches`, by their names in a kernel event's args
    "registers_per_thread": "registers per thread",
    "device": "device",
    "context": "context",
    "stream": "stream",
    "correlation_id": "correlation",
    "graph_node_id": "graph node id",
    "shared_bytes": "shared memory",
}


def read_kineto(path: Path) -> Trace:
    """Read a chrome trace of torch.profiler, `.json` or `.json.gz`; times are ns since the epoch.

    Raises BadInput where the file is no intact trace or holds the calls of several processes.
    """
    return kineto_trace(load_kineto(path), path)


def kineto_trace(body: Event, path: Path) -> Trace:
    """Read a chrome trace from its parsed JSON; `path` is what messages call it."""
    events = body.get("traceEvents")
    if not isinstance(events, list):
        raise BadInput(f"{path} is JSON, but no torch.profiler trace: it has no traceEvents")
    complete = [e for e in events if isinstance(e, dict) and e.get("ph") == "X"]
    try:
        return _trace(complete, int(body.get("baseTimeNanoseconds") or 0), path)
    except (AttributeError, LookupError, TypeError, ValueError, OverflowError) as error:
        raise BadInput(f"{path} holds an event without what it needs: {error!r}") from error


def load_kineto(path: Path) -> Event:
    """Parse a trace's JSON. Raises BadInput where it is none."""
    try:
        raw = path.read_bytes()
        text = gzip.decompress(raw) if raw.startswith(b"\x1f\x8b") else raw
        body = json.loads(text)
    except FileNotFoundError:
        raise BadInput(f"{path} does not exist") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadInput(f"{path} is no intact gzip file: {error}") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} is not valid JSON (cut short?): {error}") from error
    return body if isinstance(body, dict) else {}


def _trace(events: list[Event], base_ns: int, path: Path) -> Trace:
    by_category: dict[str, list[Event]] = {}
    for event in events:
        by_category.setdefault(str(event.get("cat")), []).append(event)
    calls = [call for category in API_CATEGORIES for call in by_category.get(category, [])]
    annotations = by_category.get("user_annotation", [])
    process = _process(calls, path)
    kernels = sorted(by_category.get("kernel", []), key=lambda e: (e["ts"], _correlation(e)))
    threads: dict[tuple[Any, Any], int] = {}
    api = _spans(calls, base_ns, threads)
    launched_by = launching_calls(_ids(kernels), _ids(calls), api)
    start = _nanoseconds([kernel["ts"] for kernel in kernels]) + base_ns
    late = np.full(len(kernels), True)
    late[launched_by >= 0] = (start >= api.start_ns[launched_by])[launched_by >= 0]
    early = int(np.count_nonzero(~late))
    kept = np.flatnonzero(late)
    return Trace(
        kernels=_kernel_columns([kernels[place] for place in kept], start[kept], process),
        api=api,
        launched_by=launched_by[kept],
        ranges=_spans(annotations, base_ns, threads),
        range_names=pa.array([str(event.get("name", "")) for event in annotations], pa.string()),
        warnings=(
            f"{path.name}: {early} kernel(s) start before their launch and are left out"
            " (a known fault at the head of a profiler session: pytorch issue 192021)",
        )
        if early
        else (),
    )


def _process(calls: list[Event], path: Path) -> int | None:
    """Return the one process that made the calls: correlation ids are unique within it alone."""
    processes = {call["pid"] for call in calls}
    if len(processes) > 1:
        raise BadInput(
            f"{path} holds CUDA calls of {len(processes)} processes",
            hint="give each process's own trace; torch.profiler writes one per process",
        )
    return next((pid for pid in processes if isinstance(pid, int)), None)


def _correlation(event: Event) -> int:
    return int(event.get("args", {}).get("correlation", -1))


def _ids(events: list[Event]) -> CorrelationIds:
    ids = np.asarray([_correlation(event) for event in events], dtype=np.int64)
    return CorrelationIds(np.zeros(len(ids), dtype=np.int64), ids, ids >= 0)


def _spans(events: list[Event], base_ns: int, threads: dict[tuple[Any, Any], int]) -> Spans:
    start = _nanoseconds([event["ts"] for event in events])
    length = _nanoseconds([event.get("dur", 0) for event in events])
    on = [threads.setdefault((e.get("pid"), e.get("tid")), len(threads)) for e in events]
    return Spans(start + base_ns, start + length + base_ns, np.asarray(on, dtype=np.int64))


def _nanoseconds(microseconds: list[float]) -> Int64:
    """Whole and fraction apart: an older trace's ts since the epoch times 1000 is past 2**53."""
    given = np.asarray(microseconds, dtype=np.float64)
    if not (np.abs(given) < _LATEST_US).all():
        raise ValueError("a time that is not finite, or millennia away")
    whole = np.floor(given)
    return whole.astype(np.int64) * 1000 + np.rint((given - whole) * 1000).astype(np.int64)


def _kernel_columns(kernels: list[Event], start_ns: Int64, process: int | None) -> pa.Table:
    arguments = [kernel.get("args", {}) for kernel in kernels]
    names = pa.array([str(kernel["name"]) for kernel in kernels], pa.string())
    occupancy = [given.get(OCCUPANCY) for given in arguments]
    columns: dict[str, Any] = {
        "kernel": names.dictionary_encode(),
        "occupancy_estimate_pct": pa.array(occupancy, pa.float64()),
        "start_ns": pa.array(start_ns),
        "duration_ns": pa.array(_nanoseconds([kernel["dur"] for kernel in kernels])),
        "process": pa.array([process] * len(kernels), pa.int64()),
        "gpu": pa.nulls(len(kernels), pa.int32()),
    }
    for column, name in ARGUMENTS.items():
        columns[column] = pa.array([given.get(name) for given in arguments], pa.int64())
    for what in ("grid", "block"):
        for axis, letter in enumerate("xyz"):
            sizes = [given[what][axis] if what in given else None for given in arguments]
            columns[f"{what}_{letter}"] = pa.array(sizes, pa.int32())
    return pa.table(columns)
