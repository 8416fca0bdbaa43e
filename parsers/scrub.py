"""A trace made safe to share: no environment, command line, host, user or path is left in it.

The names of kernels, ranges and metrics stay: they are what the trace is about.
"""

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any, Final

from ..store.atomic import write_whole
from ..store.errors import BadInput
from .kineto import API_CATEGORIES, ARGUMENTS, OCCUPANCY, load_kineto
from .ncu import csv_rows
from .nsys.scrub import scrub_nsys
from .trace_file import tool_of

_CATEGORIES: Final = (*API_CATEGORIES, "kernel", "user_annotation")
_FIELDS: Final = ("ph", "cat", "name", "pid", "tid", "ts", "dur")
_ARGUMENTS: Final = (*ARGUMENTS.values(), OCCUPANCY, "grid", "block")
_SECRETS: Final = ("Process ID", "Process Name", "Host Name")  # columns of an ncu page


def scrub_trace(path: Path, out: Path) -> None:
    """Write a trace of any tool to `out` without what it tells of the machine and its user.

    What is left parses to the same tables. Raises BadInput where `path` is no trace, or `out`
    cannot be written or is `path` itself.
    """
    if out.exists() and path.exists() and out.samefile(path):
        raise BadInput(f"{out} is the trace itself", hint="name another file with --out")
    tool = tool_of(path)
    if tool == "ncu-report":
        raise BadInput(
            f"{path} is a report of Nsight Compute, and only its raw page can be scrubbed",
            hint=f"`ncu --import {path.name} --csv --page raw --print-units base > page.csv`",
        )
    if tool == "nsys":
        scrub_nsys(path, out)
    elif tool == "ncu":
        write_whole(out, _scrubbed_page(path))
    else:
        text = json.dumps(_scrubbed_events(load_kineto(path)))
        write_whole(out, gzip.compress(text.encode()) if out.suffix == ".gz" else text)


def _scrubbed_page(path: Path) -> str:
    names, *rows = csv_rows(path)
    secret = [place for place, name in enumerate(names) if name in _SECRETS]
    page = io.StringIO()
    writer = csv.writer(page, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow(["" if place in secret else cell for place, cell in enumerate(row)])
    return page.getvalue()


def _scrubbed_events(body: dict[str, Any]) -> dict[str, Any]:
    events = body.get("traceEvents")
    kept = [
        _scrubbed_event(event)
        for event in (events if isinstance(events, list) else [])
        if isinstance(event, dict) and event.get("cat") in _CATEGORIES
    ]
    return {"baseTimeNanoseconds": body.get("baseTimeNanoseconds"), "traceEvents": kept}


def _scrubbed_event(event: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {name: event[name] for name in _FIELDS if name in event}
    arguments = event.get("args")
    if isinstance(arguments, dict):
        kept["args"] = {name: arguments[name] for name in _ARGUMENTS if name in arguments}
    return kept
