"""`moeprof parse`: recordings to Parquet tables."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from ..store.errors import BadInput
from ..store.files import has_file, has_folder
from ..store.run import Run
from . import render
from .options import DEFAULT_STORE, Store, find_run

_COUNTED = {
    "launches": "launches within a range",
    "range_energies": "ranges with an energy",
}  # tables whose rows are counted by reason


def parse(
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="RUN | FILE",
            help="Run folder (the latest if left out), or a trace: of nsys, ncu or Kineto.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the tables of a single trace.")
    ] = None,
    meter: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV",
            help="An external meter's readings of the run's power pass: they become its energies.",
        ),
    ] = None,
    store: Store = DEFAULT_STORE,
) -> None:
    """Turn recordings into Parquet tables."""
    if source is None or (has_folder(source) and out is None):
        _parse_run(find_run(source, store).folder, meter)
    elif meter is not None:
        raise BadInput(
            f"--meter is for a run, and {source} is a single trace", hint="name the run's folder"
        )
    elif out is None:
        raise BadInput(
            f"{source} is a single trace, and nothing says where its tables go",
            hint="add --out DIR",
        )
    elif has_folder(source) and has_file(Run(source).plan_path):
        raise BadInput(f"--out is for a single trace, and {source} is a run", hint="leave it out")
    else:
        _parse_trace(source, out)


def _parse_run(folder: Path, meter: Path | None) -> None:
    from ..pipeline.parse import parse

    parsed = parse(folder, meter=meter)
    for warning in parsed.warnings:
        render.warn(warning)
    for name, rows in parsed.rows.items():
        render.say(f"{parsed.tables / name}.parquet: {rows} rows")


def _parse_trace(source: Path, out: Path) -> None:
    from ..pipeline.parse import parse_trace

    parsed = parse_trace(source, out)
    for warning in parsed.warnings:
        render.warn(warning)
    for name, rows in parsed.rows.items():
        render.say(f"{out / name}.parquet: {rows} rows")
    for name, title in _COUNTED.items():
        if name in parsed.reasons:
            render.say(f"{title}: {_counted(parsed.reasons[name])}")


def _counted(reasons: "Counter[str | None]") -> str:
    """Say how many rows lack nothing, and how many do for each reason."""
    lacking = (f"; {n} without: {reason}" for reason, n in reasons.most_common() if reason)
    return f"{reasons[None]}{''.join(lacking)}"
