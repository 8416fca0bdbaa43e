"""Chrome traces as torch.profiler writes them, for tests."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Event = dict[str, Any]


def event(category: str, name: str, ts: Any, dur: Any, **more: Any) -> Event:
    """An event of the process and thread 12; `ts` and `dur` in microseconds."""
    common = {"ph": "X", "cat": category, "name": name, "ts": ts, "dur": dur}
    return common | {"pid": 12, "tid": 12} | more


def kernel(ts: Any, dur: Any, correlation: Any, name: str = "gelu", **args: Any) -> Event:
    """A kernel on stream 7 of GPU 0; `args` replaces some of its arguments."""
    given = {
        "device": 0, "context": 1, "stream": 7, "correlation": correlation,
        "registers per thread": 40, "shared memory": 512, "grid": [8, 2, 1], "block": [256, 1, 1],
    } | args  # fmt: skip
    return event("kernel", name, ts, dur, pid=0, tid=7, args=given)


def launch(ts: Any, correlation: Any, **more: Any) -> Event:
    """The runtime call that launches the kernel of the same correlation id."""
    args = {"correlation": correlation}
    return event("cuda_runtime", "cudaLaunchKernel", ts, 2.0, **({"args": args} | more))


def annotation(name: str, ts: Any, dur: Any, **more: Any) -> Event:
    """A range that the program named."""
    return event("user_annotation", name, ts, dur, **more)


def trace_text(events: Sequence[Any], **top: Any) -> str:
    """Text of a trace of these events; `top` are its other members, written before them."""
    return json.dumps({**top, "traceEvents": events})


def write_trace(path: Path, events: Sequence[Any], **top: Any) -> Path:
    """Write a trace, gzipped if the name ends in .gz."""
    text = trace_text(events, **top).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path
