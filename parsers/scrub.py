"""A trace made safe to share: without environment, command line, host, user and paths.

The names of kernels, ranges and metrics stay.
"""

import csv
import io
from pathlib import Path
from typing import Final

from ..store.errors import BadInput
from ..store.files import write_whole
from .kineto.scrub import scrub_kineto
from .messages import Refusal
from .ncu.counters import left_out
from .ncu.pages import PageFile, read_pages
from .nsys.scrub import scrub_nsys
from .trace_format import TraceFormat, trace_format

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
            return scrub_nsys(path, out)
        case TraceFormat.NCU_CSV:
            file = read_pages(path)
            write_whole(out, _scrubbed_page(file))
            return tuple(f"{path.name}: {sentence}" for sentence in left_out(file))
        case TraceFormat.KINETO_JSON:
            return scrub_kineto(path, out)
        case TraceFormat.NCU_REPORT:
            raise BadInput(
                f"{path} {Refusal.NCU_REPORT}, and only its raw page can be scrubbed",
                hint=f"`ncu --import {path.name} --csv --page raw --print-units base > page.csv`",
            )


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
