"""`moeprof parse`: recordings to Parquet tables."""

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from ..store.errors import BadInput
from ..store.run import Run
from . import render
from .options import DEFAULT_STORE, Store, find_run


def parse(
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="RUN | FILE",
            help="Run folder (the latest if left out), or a trace: of nsys, ncu or Kineto.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the tables of a lone trace.")
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
    if source is None or source.is_dir():
        _parse_run(find_run(source, store), meter)
    elif meter is not None:
        raise BadInput(
            f"--meter is for a run, and {source} is a lone trace", hint="name the run's folder"
        )
    elif out is None:
        raise BadInput(
            f"{source} is a lone trace, and nothing says where its tables go",
            hint="add --out DIR",
        )
    else:
        _parse_trace(source, out)


def _parse_run(run: Run, meter: Path | None) -> None:
    from ..parsers.recording_tables import parse_run
    from ..profiler.power.meter_file import keep_meter

    if meter is not None:
        keep_meter(run, meter)
    for warning in parse_run(run):
        render.warn(warning)
    render.say(f"tables: {run.table('points').parent}")


def _parse_trace(source: Path, out: Path) -> None:
    from ..parsers.trace_file import parse_trace
    from ..profiler.report_export import export_report
    from ..store.tables import writing_tables

    unattributed: Counter[str | None] = Counter()
    unmeasured: Counter[str | None] = Counter()
    with TemporaryDirectory() as folder:
        pieces, warnings = parse_trace(export_report(source, Path(folder)))
        for warning in warnings:
            render.warn(warning)
        with writing_tables(out) as tables:
            for name, piece in pieces:
                tables.write(name, piece)
                if name == "launches":
                    unattributed += _counted(piece.column("unattributed"))
                if name == "range_energies":
                    unmeasured += _counted(piece.column("reason"))
    for name, rows in tables.rows.items():
        render.say(f"{out / name}.parquet: {rows} rows")
    if "launches" in tables.rows:
        render.say(f"launches within a range: {_told(unattributed)}")
    if "range_energies" in tables.rows:
        render.say(f"ranges with an energy: {_told(unmeasured)}")


def _told(lacking: "Counter[str | None]") -> str:
    """How many lack nothing, and how many of the others do for which reason."""
    without = (f"; {n} without: {reason}" for reason, n in lacking.most_common() if reason)
    return f"{lacking[None]}{''.join(without)}"


def _counted(values: Any) -> "Counter[str | None]":
    """How often each value stands in an Arrow column."""
    return Counter({one["values"]: one["counts"] for one in values.value_counts().to_pylist()})
