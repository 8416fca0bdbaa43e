"""The options of `moeprof validate`: their types, and what the help says of them."""

from pathlib import Path
from typing import Annotated

import typer

ModelOrRun = Annotated[
    Path | None,
    typer.Argument(metavar="MODEL", help="Model file or its run; the latest if left out."),
]
Against = Annotated[
    str,
    typer.Option("--against", help="holdout; nvml, to measure now; or the folder of another run."),
]
Limit = Annotated[
    float | None,
    typer.Option(
        help="Allowed median error, and error of a mixed workload, in percent. Of a band of"
        " batch sizes it is twice that, of the 95th percentile 5 times, of each size 10 times.",
        show_default="3; of energy 5",
    ),
]
Wait = Annotated[
    str | None,
    typer.Option(
        help="Let --against nvml wait this long for a quiet machine, for example 10m; then it"
        " measures anyway."
    ),
]
Force = Annotated[
    bool,
    typer.Option(
        "--force", help="Let --against nvml measure beside another sweep on the same device."
    ),
]
Trust = Annotated[
    bool,
    typer.Option(
        "--trust", help="Let --against nvml run the scripts of a run that was begun elsewhere."
    ),
]
