"""A trace made safe to share: without environment, command line, host, user and paths.

The names of kernels, ranges and metrics stay.
"""

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any, Final

from ..store.errors import BadInput
from ..store.files import write_whole
from .kineto import API_CATEGORIES, ARGUMENTS, OCCUPANCY, load_kineto
from .messages import Refusal
from .ncu.counters import left_out
from .ncu.pages import PageFile, read_pages
from .nsys.scrub import scrub_nsys
from .trace_format import TraceFormat, trace_format

_CATEGORIES: Final = (*API_CATEGORIES, "kernel", "user_annotation")
_FIELDS: Final = ("ph", "cat", "name", "pid", "tid", "ts", "dur")
_ARGUMENTS: Final = (*ARGUMENTS.values(), OCCUPANCY, "grid", "block")
_NCU_SECRETS: Final = ("Process ID", "Process Name", "Host Name")  # columns of the CSV page


def scrub_trace(path: Path, out: Path) -> tuple[str, ...]:
    """Write a trace of any tool to `out` without data about the machine and its user.

    Returns sentences on what the copy lacks; it parses to the same tables. Raises BadInput where
    `path` is no trace, or `out` cannot be written or is `path` itself.
    """
    if out.exists() and path.exists() and out.samefile(path):
        raise BadInput(f"{out} {Refusal.SAME_FILE}", hint="name another file with --out")
    match trace_format(path):
        case TraceFormat.NSYS_SQLITE:
            scrub_nsys(path, out)
        case TraceFormat.NCU_CSV:
            file = read_pages(path)
            write_whole(out, _scrubbed_page(file))
            return tuple(left_out(file))
        case TraceFormat.KINETO_JSON:
            text = json.dumps(_scrubbed_events(load_kineto(path)))
            write_whole(out, gzip.compress(text.encode()) if out.suffix == ".gz" else text)
        case TraceFormat.NCU_REPORT:
            raise BadInput(
                f"{path} {Refusal.NCU_REPORT}, and only its raw page can be scrubbed",
                hint=f"`ncu --import {path.name} --csv --page raw --print-units base > page.csv`",
            )
    return ()


def _scrubbed_page(file: PageFile) -> str:
    """Text of ncu's pages with the cells of `_NCU_SECRETS` emptied."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    launch = 0
    for page in file.pages:
        secret = [place for place, name in enumerate(page.names) if name in _NCU_SECRETS]
        writer.writerows([page.names, page.units])
        not_whole = [*("" for _ in page.names), "not whole"]  # a cell too many
        for row in page.rows:
            # A row that is not whole keeps its number among the kernels, and nothing else.
            writer.writerows([not_whole] * (row.launch - launch))
            writer.writerow(
                ["" if place in secret else cell for place, cell in enumerate(row.cells)]
            )
            launch = row.launch + 1
    return text.getvalue()


def _scrubbed_events(body: dict[str, Any]) -> dict[str, Any]:
    """Chrome trace with the events and fields that the parser reads, and no others."""
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
