"""`moeprof steptime fit`: a model of steps from measured rows."""

from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from .. import render
from .kernel_output import show_kernels

_OUT: Final = Path("step_time_model.json")
_STEPS: Final = {"mean": "mean steps", "decode": "steps that decode alone"}


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
        typer.Option(help="Which form predicts; auto: the one of the smallest error."),
    ] = "auto",
    kernel_model: Annotated[
        Path | None,
        typer.Option(
            "--kernel-model",
            metavar="FILE",
            help="Kernels of one GPU, kernel_cost_model.json: compose its steps of them too.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Where to write the model.")] = _OUT,
) -> None:
    """Fit a model of steps, power and energy to measured rows.

    Every form is scored on configurations that it was not fitted to.

    \b
    moeprof steptime fit rows --out step_time_model.json
    """  # noqa: D301 - the help is not rewrapped below a backspace, and a raw string holds none
    from ...pipeline.steptime.fit import fit_steps

    form = None if method == "auto" else method
    file = fit_steps(data, out, target, form, kernel_model)
    for reason, count in file.refused.items():
        render.warn(f"{count} rows refused: {reason}")
    for reason, count in file.left_out.items():
        render.warn(f"{count} values left out: {reason}")
    for quantity, why in file.absent.items():
        render.warn(f"no fit of {_STEPS.get(quantity, quantity)}: {why}")
    for kind, one in file.steps.items():
        render.table(
            f"Error of {_STEPS[kind]} of configurations that no fit saw;"
            f" {one.rows} rows of {one.configurations}",
            ["form", "#median %", "#p90 %", "#bias %", "predicts"],
            [
                [
                    name,
                    *(f"{100 * value:.1f}" for value in (score.median, score.p90, score.bias)),
                    "yes" if name == one.method else "",
                ]
                for name, score in one.scores.items()
            ],
        )
        if one.kernels is not None:
            show_kernels(_STEPS[kind], one.kernels)
    render.say(f"model: {out}")
