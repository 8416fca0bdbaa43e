"""The options of `moeprof profile`: their types, and what the help says of them."""

from pathlib import Path
from typing import Annotated, Literal

import typer

RunToResume = Annotated[
    Path | None,
    typer.Argument(metavar="RUN", help="Only with --resume: the run; the latest if left out."),
]
Ops = Annotated[
    str,
    typer.Option(
        help="all, experts, layer, step, engines, names by comma such as fc1,topk, or a Python file"
        " with your own."
    ),
]
BatchSizes = Annotated[
    str,
    typer.Option(help="Tokens in a call: for example 1..512, 1..512:8, 1,2,4 or pow2:1..512."),
]
PresetName = Annotated[
    str | None,
    typer.Option(
        help="Sizes of the layer, by a name that `moeprof scenario` lists, or several by comma"
        " [default: small on a CPU, mixtral-8x7b on a GPU]."
    ),
]
PresetFile = Annotated[
    Path | None,
    typer.Option(
        "--scenario",
        help="Sizes of your own: a TOML file as `moeprof scenario small` prints one.",
    ),
]
Routing = Annotated[
    str | None,
    typer.Option(
        help="How tokens go to experts: uniform, zipf:SKEW such as zipf:1.2, or a JSON file of"
        " recorded counts [default: as the preset says, else uniform]."
    ),
]
Hidden = Annotated[
    str | None, typer.Option(help="Measure at these widths in place of the layer's: 1024,4096.")
]
WeightBits = Annotated[
    str | None,
    typer.Option(help="Bits of packed weights, by comma: 4,8,16, of which 16 are not packed."),
]
WeightFormat = Annotated[
    str | None,
    typer.Option(
        help="Formats of the experts' weights, by comma: int4, int4_zeros, int8, fp8_tensor,"
        " fp8_channel, fp8_block, mxfp4, none."
    ),
]
TensorParallel = Annotated[
    int, typer.Option(help="Measure one rank of so many that share each product and the heads.")
]
ExpertParallel = Annotated[
    int, typer.Option(help="Measure one rank of so many that share the experts.")
]
Device = Annotated[
    str | None, typer.Option(help="cpu or cuda:N [default: the first GPU, else cpu].")
]
Collectors = Annotated[
    str,
    typer.Option(
        help="What measures: auto, cpu, kineto or nsys for times, ncu for counters,"
        " or both by comma."
    ),
]
SamplingKind = Annotated[
    Literal["adaptive", "all"],
    typer.Option(help="Choose the next size by those measured so far, or take every one."),
]
Points = Annotated[
    int | None,
    typer.Option(
        help="Sizes chosen for the fit of an operation, at most"
        " [default: 24; up to 48 where a --budget has time left]."
    ),
]
IsolationKind = Annotated[
    Literal["op", "point"], typer.Option(help="One process for each operation, or for each size.")
]
Cache = Annotated[
    Literal["cold", "hot"],
    typer.Option(help="Each call reads other memory, or the same again from the cache."),
]
Threads = Annotated[int, typer.Option(help="CPU threads that an operation may use.")]
Seed = Annotated[
    int, typer.Option(help="Draws the order, and the sizes that are held out for `validate`.")
]
Budget = Annotated[str | None, typer.Option(help="Stop measuring after this long, for example 3m.")]
PointTimeout = Annotated[str, typer.Option(help="Give a size up after this long.")]
NoPower = Annotated[bool, typer.Option("--no-power", help="Measure no energy, only times.")]
PowerLimits = Annotated[
    str | None,
    typer.Option(
        metavar="W,...", help="A run at each of these power limits of the GPU; needs root."
    ),
]
LockClocks = Annotated[
    str | None,
    typer.Option(metavar="MHZ,...", help="A run at each of these SM clocks, held; needs root."),
]
ThermalResponse = Annotated[
    bool,
    typer.Option(
        "--thermal-step", help="At the end, watch the GPU heat up and cool down: five minutes."
    ),
]
Wait = Annotated[
    str | None,
    typer.Option(help="Wait this long for a quiet machine, for example 10m; then measure anyway."),
]
Force = Annotated[
    bool,
    typer.Option(
        "--force", help="Measure beside another sweep on the same device; flags every point."
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with a run that was interrupted.")]
Trust = Annotated[
    bool,
    typer.Option(
        "--trust",
        help="Let --resume run the scripts and op files of a run that was begun elsewhere.",
    ),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Print the plan and how long it may take; measure nothing."),
]
