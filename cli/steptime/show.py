"""`moeprof steptime show`: what a model of steps knows and how far it is off."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from .. import render
from ..options import Json
from .delay_output import show_delays
from .kernel_output import show_kernels

if TYPE_CHECKING:
    from ...store.serving.step_model_summary import StepModelSummary, StepsSummary
    from ...store.serving.step_time_model import EnergyScore, MethodScore

_KINDS: Final = {"mean": "mean steps", "decode": "steps that decode alone"}


def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="step_time_model.json.")],
    json: Json = False,
) -> None:
    """Show what FILE knows, and how far it is off.

    Models, GPUs and engines that have rows, errors of each form, refused rows.

    \b
    moeprof steptime show step_time_model.json
    """  # noqa: D301 - the help is not rewrapped below a backspace, and a raw string holds none
    from ...pipeline.steptime.show import show_steps
    from ...store.document import to_json

    found = show_steps(file)
    if json:
        render.text(to_json(found))
        return
    _show_errors(found)
    _show_known(found)
    for one in found.steps:
        if one.kernels is not None:
            show_kernels(_KINDS[one.kind], one.kernels)
    if found.queue is not None:
        show_delays(found.queue)
    for sentence in _origin(found):
        render.paragraph(sentence)


def _show_errors(found: "StepModelSummary") -> None:
    """Show how far each form and the energy are off where no fit saw the configuration."""
    rows = [row for one in found.steps for row in _forms(one)]
    if found.power is not None:
        of = str(found.power.rows)
        scores = {"power": found.power.at_measured_step, "J/token": found.power.j_per_token}
        rows += [_row(name, "shares of TDP", of, score) for name, score in scores.items()]
    if not rows:
        return
    render.table(
        "Errors of configurations that no fit saw, in %; 90 % lie within the factor",
        ["of", "form", "#rows", "#median", "#p90", "#bias", "#factor", "predicts"],
        rows,
    )
    for one in found.steps:
        for sentence in _of_steps(one):
            render.paragraph(sentence)
    for quantity, why in found.absent.items():
        render.paragraph(f"no fit of {_KINDS.get(quantity, quantity)}: {why}")


def _forms(one: "StepsSummary") -> Iterator[list[str]]:
    """A row for each form, the one that predicts first."""
    for name, score in sorted(one.scores.items(), key=lambda form: form[0] != one.method):
        predicts = name == one.method
        factor = _factor(one.factor) if predicts else ""
        of, mark = (f"{one.kind} steps", "yes") if predicts else ("", "")
        yield [of, name, str(score.rows), *_errors(score), factor, mark]


def _row(name: str, form: str, rows: str, score: "EnergyScore") -> list[str]:
    return [name, form, rows, *_errors(score), _factor(score.factors.get("90")), "yes"]


def _errors(score: "EnergyScore | MethodScore") -> list[str]:
    return [f"{100 * value:.1f}" for value in (score.median, score.p90, score.bias)]


def _factor(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _of_steps(one: "StepsSummary") -> Iterator[str]:
    if one.unseen_factors:
        each = ", ".join(f"the {what} {value:.2f}" for what, value in one.unseen_factors.items())
        yield f"factors of {_KINDS[one.kind]} where what is asked for has no rows: {each}"
    if one.own_configurations:
        yield (
            f"of {one.configurations} configurations of {_KINDS[one.kind]},"
            f" {one.own_configurations} are predicted by their own rows too"
        )


def _show_known(found: "StepModelSummary") -> None:
    """List the names that have rows, and of which kinds of steps."""
    kinds = [one.kind for one in found.steps]

    def ticks(steps: Sequence[str]) -> list[str]:
        return ["yes" if kind in steps else "-" for kind in kinds]

    render.table(
        f"{len(found.models)} models with rows",
        ["model", "#parameters, 1e9", "#experts", *kinds],
        [
            [
                one.name,
                render.number(one.parameters / 1e9, 3),
                str(one.experts or "-"),
                *ticks(one.steps),
            ]
            for one in found.models
        ],
    )
    render.table(
        f"{len(found.gpus)} types of GPUs with rows",
        ["GPU", *kinds, "power"],
        [[one.name, *ticks(one.steps), "yes" if one.power else "-"] for one in found.gpus],
    )
    render.table(
        f"{len(found.engines)} engines with rows",
        ["engine", *kinds],
        [[one.name, *ticks(one.steps)] for one in found.engines],
    )


def _origin(found: "StepModelSummary") -> Iterator[str]:
    for reason, count in found.refused.items():
        yield f"{count} rows refused: {reason}"
    for reason, count in found.left_out.items():
        yield f"{count} values left out: {reason}"
    for name, sha256 in found.files.items():
        yield f"fitted to {name}, sha256 {sha256[:12]}"
    yield f"{found.file}: {found.file_schema}, sha256 {found.sha256[:12]}"
