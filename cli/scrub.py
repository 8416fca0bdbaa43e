"""`moeprof scrub`: a trace made safe to share."""

from pathlib import Path
from typing import Annotated

import typer

from . import render


def scrub(
    trace: Annotated[Path, typer.Argument(metavar="FILE", help="nsys SQLite, ncu CSV or Kineto.")],
    out: Annotated[Path, typer.Option("--out", help="File to write; the trace itself is kept.")],
) -> None:
    """Make a trace safe to share.

    No environment variable, command line, host name, user name or path is left. The names of
    kernels and ranges stay; the result parses to the same tables.
    """
    from ..pipeline.scrub import scrub as scrub_trace

    scrubbed = scrub_trace(trace, out)
    for warning in scrubbed.warnings:
        render.warn(warning)
    render.say(f"scrubbed: {scrubbed.path}")
