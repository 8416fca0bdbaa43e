"""`moeprof steptime fit`: a model of steps from measured rows."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from .. import render
from .delay_output import shares, show_delays
from .kernel_output import show_kernels

if TYPE_CHECKING:
    from ...store.serving.step_time_model import StepFit

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

    form = None if method == "auto" else method
    file = fit_steps(data, out, target, form, kernel_model, shares(kv_thresholds))
    for reason, count in file.refused.items():
        render.warn(f"{count} rows refused: {reason}")
    for reason, count in file.left_out.items():
        render.warn(f"{count} values left out: {reason}")
    for quantity, why in file.absent.items():
        render.warn(f"no fit of {_STEPS.get(quantity, quantity)}: {why}")
    for kind, one in file.steps.items():
        _show(kind, one)
    if file.queue is not None:
        show_delays(file.queue)
    render.say(f"model: {out}")


def _show(kind: str, fit: "StepFit") -> None:
    """Show how well each form predicts a kind of step."""
    render.table(
        f"Error of {_STEPS[kind]} of configurations that no fit saw;"
        f" {fit.rows} rows of {fit.configurations}",
        ["form", "#median %", "#p90 %", "#bias %", "predicts"],
        [
            [
                name,
                *(f"{100 * value:.1f}" for value in (score.median, score.p90, score.bias)),
                "yes" if name == fit.method else "",
            ]
            for name, score in fit.scores.items()
        ],
    )
    if fit.kernels is not None:
        show_kernels(_STEPS[kind], fit.kernels)
