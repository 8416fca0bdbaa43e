"""The options of `moeprof route plan`: their types, and what the help says of them."""

from pathlib import Path
from typing import Annotated, Literal

import typer

Model = Annotated[
    Path | None, typer.Argument(help="Model file or its run; the latest if left out.")
]
Tokens = Annotated[int, typer.Option(help="Tokens of one pass.")]
Experts = Annotated[
    str | None,
    typer.Option(
        metavar="N|N:OPS,…",
        help="Experts, and the kernels of each kind: 64:fc1+gelu+fc2,64:w13+act_mul+w2."
        " If left out, those of the model's layer.",
    ),
]
TopK = Annotated[int | None, typer.Option(help="Experts of a token; if left out, the layer's.")]
Gpus = Annotated[int, typer.Option(help="GPUs that experts are dealt out to in turns.")]
Routing = Annotated[
    str,
    typer.Option(help="How the model itself routes: uniform, zipf:SKEW or a file of counts."),
]
PowerCap = Annotated[
    float | None, typer.Option(help="Mean power of all GPUs together, at most, in W.")
]
TempLimit = Annotated[float | None, typer.Option(help="Temperature to settle at, at most, in °C.")]
KlPrice = Annotated[
    float | None,
    typer.Option(
        help="What a nat of changed routing may cost, in J, or in s where energy is unknown; if"
        " left out, as much as eight assignments."
    ),
]
AllowEstimates = Annotated[
    bool, typer.Option("--allow-estimates", help="Use energies that nobody here measured.")
]
WholeStep = Annotated[
    Path | None,
    typer.Option(
        "--step",
        metavar="FILE",
        help="Steps of the whole model (steptime predict --json): whether fewer experts save.",
    ),
]
Served = Annotated[
    Path | None,
    typer.Argument(
        metavar="MODEL",
        help="Model file or its run; if left out, 16 experts whose energies are assumed.",
    ),
]
ServedTokens = Annotated[int | None, typer.Option(help="Tokens of one pass; if left out, 512.")]
ServedRouting = Annotated[
    str | None,
    typer.Option(
        help="How the model itself routes: uniform, zipf:SKEW or a file of counts; if left out,"
        " uniform."
    ),
]
Controller = Annotated[
    Literal["mrpd", "pi", "none", "adapter"], typer.Option(help="What decides, at each tick.")
]
Compare = Annotated[
    bool, typer.Option("--compare", help="Try none, pi and mrpd in the same scene beside it.")
]
TargetPower = Annotated[float | None, typer.Option(help="Power to hold, at most, in W.")]
TargetTemp = Annotated[float | None, typer.Option(help="Temperature to hold, at most, in °C.")]
KlBudget = Annotated[
    float | None,
    typer.Option(help="Change of routing at most, in nats of KL for an assignment."),
]
Seed = Annotated[int, typer.Option(min=0, help="Draws the simulated GPU.")]
Report = Annotated[
    bool,
    typer.Option(
        "--report",
        help="Write simulation.html beside the model, or here without one, and print its path.",
    ),
]
