"""`moeprof profile`: scenarios to recordings."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..store.atomic import write_whole
from ..store.document import write_document
from ..store.errors import BadInput
from ..store.run import Run, open_run
from . import render
from .options import DEFAULT_STORE, Json, Store, duration_s, find_run

if TYPE_CHECKING:
    from ..profiler.sweep import OpSummary, ScenarioOf
    from ..scenarios.operation import Operation
    from ..scenarios.preset import Preset
    from ..store.plan import Plan

_BUDGET_SPENT = 4


def profile(
    run: Annotated[
        Path | None,
        typer.Argument(metavar="RUN", help="Run to resume; the latest if left out."),
    ] = None,
    ops: Annotated[
        str, typer.Option(help="all, names by comma, or a Python file with an operation.")
    ] = "all",
    batch_sizes: Annotated[
        str, typer.Option(help="For example 1..512, 1..512:8, 1,2,4 or pow2:1..512.")
    ] = "1..512",
    preset: Annotated[
        str | None, typer.Option(help="Preset [default: small on a CPU, mixtral-8x7b on a GPU].")
    ] = None,
    scenario: Annotated[
        Path | None, typer.Option("--scenario", help="Preset of your own, a TOML file.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="cpu or cuda:N [default: the first GPU, else cpu].")
    ] = None,
    collector: Annotated[
        str, typer.Option(help="auto, cpu, kineto, nsys or ncu; or one that times and ncu.")
    ] = "auto",
    sampling: Annotated[
        Literal["adaptive", "all"],
        typer.Option(help="Which sizes of the domain: chosen as they are measured, or every one."),
    ] = "adaptive",
    points: Annotated[int, typer.Option(help="Sizes per operation given to the fit.")] = 24,
    isolation: Annotated[
        Literal["op", "point"], typer.Option(help="A process per operation, or per point.")
    ] = "op",
    l2: Annotated[
        Literal["cold", "hot"], typer.Option(help="Rotate inputs over 5 caches, or keep them.")
    ] = "cold",
    threads: Annotated[int, typer.Option(help="CPU threads of an operation.")] = 1,
    seed: Annotated[int, typer.Option(help="Draws the hold-out and the order.")] = 0,
    budget: Annotated[
        str | None, typer.Option(help="Stop measuring after this long, for example 3m.")
    ] = None,
    point_timeout: Annotated[str, typer.Option(help="Time limit of one point.")] = "60s",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that was interrupted.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan and an estimate, measure nothing.")
    ] = False,
    store: Store = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """Measure operations over batch sizes; leave recordings in a run folder."""
