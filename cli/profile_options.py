"""The options of `moeprof profile`: their types, and what the help says of them."""

from pathlib import Path
from typing import Annotated, Literal

import typer

RunToResume = Annotated[
    Path | None,
    typer.Argument(metavar="RUN", help="With --resume: the run; the latest if left out."),
]
Ops = Annotated[str, typer.Option(help="all, names by comma, or a Python file with an operation.")]
BatchSizes = Annotated[
    str, typer.Option(help="For example 1..512, 1..512:8, 1,2,4 or pow2:1..512.")
]
PresetName = Annotated[
    str | None, typer.Option(help="Preset [default: small on a CPU, mixtral-8x7b on a GPU].")
]
PresetFile = Annotated[
    Path | None, typer.Option("--scenario", help="Preset of your own, a TOML file.")
]
Device = Annotated[
    str | None, typer.Option(help="cpu or cuda:N [default: the first GPU, else cpu].")
]
Collectors = Annotated[
    str, typer.Option(help="auto, cpu, kineto, nsys, ncu; or one that times and ncu by comma.")
]
SamplingKind = Annotated[
    Literal["adaptive", "all"],
    typer.Option(help="Choose sizes as they are measured, or take every one."),
]
Points = Annotated[int, typer.Option(help="Sizes per operation given to the fit.")]
IsolationKind = Annotated[
    Literal["op", "point"], typer.Option(help="A process per operation, or per point.")
]
Cache = Annotated[
    Literal["cold", "hot"], typer.Option(help="Rotate inputs over 5 caches, or keep them.")
]
Threads = Annotated[int, typer.Option(help="CPU threads of an operation.")]
Seed = Annotated[int, typer.Option(help="Draws the hold-out and the order.")]
Budget = Annotated[str | None, typer.Option(help="Stop measuring after this long, for example 3m.")]
PointTimeout = Annotated[str, typer.Option(help="Time limit of one point.")]
NoPower = Annotated[bool, typer.Option("--no-power", help="Measure no energy, only times.")]
LockClocks = Annotated[
    int | None,
    typer.Option(metavar="MHZ", help="Hold the SM clock of the GPU there meanwhile; needs root."),
]
ThermalStep = Annotated[
    bool,
    typer.Option(
        "--thermal-step", help="Also record five minutes of idle, hot and idle, last, for the heat."
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with a run that was interrupted.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print the plan and an estimate, measure nothing.")
]
