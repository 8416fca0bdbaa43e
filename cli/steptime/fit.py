"""`moeprof steptime fit`: a model of steps from measured rows."""

from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from ...report.quantities import count as counted
from .. import render
from .delay_output import shares
from .fit_output import show_fit

_OUT: Final = Path("step_time_model.json")


def fit(
    data: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of serving_rows.parquet and models.csv.")
    ],
    target: Annotated[
        Literal["mean", "decode", "energy"] | None,
        typer.Option(help="What to fit; all that enough rows tell if left out."),
    ] = None,
    method: Annotated[
        Literal["auto", "physics", "srfa", "blackbox"],
        typer.Option(
            help="Which form predicts; auto: physics, unless another errs less beyond chance."
        ),
    ] = "auto",
    kernel_model: Annotated[
        Path | None,
        typer.Option(
            "--kernel-model",
            metavar="FILE",
            help="Kernels of one GPU, kernel_cost_model.json: compose its steps of them too.",
        ),
    ] = None,
    kv_thresholds: Annotated[
        str, typer.Option(help="Shares of the cache in use above which requests wait longer.")
    ] = "0.7,0.9",
    out: Annotated[Path, typer.Option("--out", help="Where to write the model.")] = _OUT,
) -> None:
    """Fit a model of steps, power and energy to measured rows.

    Every form is scored on configurations that it was not fitted to.

    \b
    moeprof steptime fit rows --out step_time_model.json
    """  # noqa: D301 - the help is not rewrapped below a backspace, and a raw string holds none
    from ...pipeline.steptime.fit import fit_steps
    from ...pipeline.steptime.show import show_steps

    form = None if method == "auto" else method
    file = fit_steps(data, out, target, form, kernel_model, shares(kv_thresholds))
    for reason, count in file.refused.items():
        render.warn(f"{counted(count, 'row')} refused: {reason}")
    for reason, count in file.left_out.items():
        render.warn(f"{count} left out: {reason}")
    show_fit(show_steps(out))
    render.say(f"model: {out}")
