"""A torch.profiler (Kineto) chrome trace as a trace: kernels, launching API calls, ranges."""

import gzip
import json
import zlib
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from ..stats.arrays import Int64
from ..store.errors import BadInput
from ..store.tables.schemas import SCHEMAS
from .attribution import CorrelationIds, launching_calls
from .events import Spans, Trace
from .messages import Refusal, TraceWarning

Event = dict[str, Any]

_MAX_US: Final = 2.0**52
OCCUPANCY: Final = "est. achieved occupancy %"
API_CATEGORIES: Final = ("cuda_runtime", "cuda_driver")
# Columns of `launches`: their names in a kernel event's args.
ARGUMENTS: Final = {
    "registers_per_thread": "registers per thread",
    "device": "device",
    "context": "context",
    "stream": "stream",
    "correlation_id": "correlation",
    "graph_node_id": "graph node id",
    "shared_bytes": "shared memory",
}


def read_kineto(path: Path) -> Trace:
    """Read a chrome trace of torch.profiler, `.json` or `.json.gz`; times in ns since the epoch.

    Raises BadInput where the file is no intact trace or holds the calls of several processes.
    """
    return kineto_trace(load_kineto(path), path)


def kineto_trace(body: Event, path: Path) -> Trace:
    """Read a chrome trace from its parsed JSON; messages name `path`. Raises as `read_kineto`."""
    events = body.get("traceEvents")
    if not isinstance(events, list):
        raise BadInput(f"{path} {Refusal.NOT_KINETO}: it has no traceEvents")
    complete = [e for e in events if isinstance(e, dict) and e.get("ph") == "X"]
    try:
        return _trace(complete, int(body.get("baseTimeNanoseconds") or 0), path)
    except (AttributeError, LookupError, TypeError, ValueError, OverflowError) as error:
        raise BadInput(f"{path} {Refusal.DAMAGED_EVENT}: {error!r}") from error


def load_kineto(path: Path) -> Event:
    """Parse a trace's JSON, gzipped or not. Raises BadInput where it is neither."""
    try:
        raw = path.read_bytes()
        text = gzip.decompress(raw) if raw.startswith(b"\x1f\x8b") else raw
        body = json.loads(text)
    except FileNotFoundError:
        raise BadInput(f"{path} {Refusal.MISSING}") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadInput(f"{path} {Refusal.NOT_GZIP}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} {Refusal.NOT_JSON} (cut short?): {error}") from error
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
    kept = _not_before_launch(start, launched_by, api)
    return Trace(
        kernels=_kernel_columns([kernels[place] for place in kept], start[kept], process),
        api=api,
        launched_by=launched_by[kept],
        ranges=_spans(annotations, base_ns, threads),
        range_names=pa.array([str(event.get("name", "")) for event in annotations], pa.string()),
        warnings=_warnings(path, len(kernels) - len(kept)),
    )


def _not_before_launch(start_ns: Int64, launched_by: Int64, api: Spans) -> Int64:
    """Rows of the kernels that do not start before their launching call."""
    return np.flatnonzero((launched_by < 0) | (start_ns >= api.start_ns[launched_by]))


def _warnings(path: Path, left_out: int) -> tuple[str, ...]:
    if not left_out:
        return ()
    return (
        f"{path.name}: {left_out} {TraceWarning.STARTS_BEFORE_LAUNCH} and are left out"
        " (a known fault at the head of a profiler session: pytorch issue 192021)",
    )


def _process(calls: list[Event], path: Path) -> int | None:
    """Return the process that made the calls; correlation ids are unique within one process."""
    processes = {call["pid"] for call in calls}
    if len(processes) > 1:
        raise BadInput(
            f"{path} {Refusal.SEVERAL_PROCESSES} {len(processes)} processes",
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
    """Convert times to int64 ns; the product with 1000 as one float64 could exceed 2**53."""
    given = np.asarray(microseconds, dtype=np.float64)
    if not (np.abs(given) < _MAX_US).all():
        raise ValueError("a time that is not finite, or millennia away")
    whole = np.floor(given)
    return whole.astype(np.int64) * 1000 + np.rint((given - whole) * 1000).astype(np.int64)


def _kernel_columns(kernels: list[Event], start_ns: Int64, process: int | None) -> pa.Table:
    """Columns of `launches`. Raises ValueError or OverflowError where a value does not fit one."""
    arguments = [kernel.get("args", {}) for kernel in kernels]
    names = pa.array([str(kernel["name"]) for kernel in kernels], pa.string())
    columns: dict[str, Any] = {
        "occupancy_estimate_pct": [given.get(OCCUPANCY) for given in arguments],
        "start_ns": start_ns,
        "duration_ns": _nanoseconds([kernel["dur"] for kernel in kernels]),
        "process": [process] * len(kernels),
        "gpu": [None] * len(kernels),
    }
    for column, name in ARGUMENTS.items():
        columns[column] = [given.get(name) for given in arguments]
    for what in ("grid", "block"):
        for axis, letter in enumerate("xyz"):
            sizes = [given[what][axis] if what in given else None for given in arguments]
            columns[f"{what}_{letter}"] = sizes
    schema = SCHEMAS["launches"]
    typed = {name: pa.array(given, schema.field(name).type) for name, given in columns.items()}
    return pa.table({"kernel": names.dictionary_encode(), **typed})
