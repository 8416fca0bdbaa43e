"""A trace of torch.profiler made safe to share: only what the parser reads is written anew.

Each number and size is written as the parser read it, never as the file holds it, so that nothing
else can hide in its place. The names of kernels, CUDA calls and ranges stay as they are.
"""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from ...store.files import replacing
from .cells import whole_number
from .events import KinetoEvent, KinetoEvents
from .kernels import kernel_arguments


def scrub_kineto(path: Path, out: Path) -> tuple[str, ...]:
    """Write kernels, calls and ranges to `out`, gzipped if its name ends in .gz.

    Return what to warn of: what was left out. The result parses to the same tables. Raises
    BadInput where `path` is no intact trace or `out` cannot be written.
    """
    events = KinetoEvents(path)
    opened = gzip.open if out.suffix == ".gz" else open
    with replacing(out) as temporary, opened(temporary, "wb") as file:
        file.write(b'{"traceEvents": [')
        file.writelines(_lines(events))
        file.write(b'], "baseTimeNanoseconds": %d}\n' % events.base_ns)
    return (*events.left_out(), *events.warnings())


def _lines(events: KinetoEvents) -> Iterator[bytes]:
    """The events as JSON, each on a line."""
    separator = b"\n"
    stand_ins: dict[str, str] = {}
    for event in events:
        yield separator + msgspec.json.encode(_fields(event, stand_ins))
        separator = b",\n"


def _fields(event: KinetoEvent, stand_ins: dict[str, str]) -> dict[str, Any]:
    """The fields of an event that are read; a time that is not readable is null."""
    arguments = kernel_arguments(event.arguments) | {"correlation": event.correlation_id}
    return {
        "ph": "X",
        "cat": event.category,
        "name": event.name,
        "pid": _identity(event.process, stand_ins),
        "tid": _identity(event.thread, stand_ins),
        "ts": _microseconds(event.start_ns),
        "dur": _microseconds(event.duration_ns),
        "args": {name: value for name, value in arguments.items() if value is not None},
    }


def _identity(identity: str | None, stand_ins: dict[str, str]) -> int | str | None:
    """A process or thread: its number, or for a text, which may name a host, one that stands in."""
    number = whole_number(identity)
    if number is not None or identity is None:
        return number
    return stand_ins.setdefault(identity, f"id {len(stand_ins)}")


def _microseconds(time_ns: int | None) -> msgspec.Raw | None:
    """A time as torch writes it, with three decimals."""
    if time_ns is None:
        return None
    whole, decimals = divmod(abs(time_ns), 1000)
    return msgspec.Raw(b"%s%d.%03d" % (b"-" if time_ns < 0 else b"", whole, decimals))
