"""`moeprof steptime show`: what a model of steps knows and how far it is off."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...report.quantities import count as counted
from .. import render
from ..options import Json
from .fit_output import show_fit

if TYPE_CHECKING:
    from ...store.serving.step_model_summary import StepModelSummary


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
    show_fit(found)
    _show_known(found)
    for sentence in _origin(found):
        render.paragraph(sentence)


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
        yield f"{counted(count, 'row')} refused: {reason}"
    for reason, count in found.left_out.items():
        yield f"{count} left out: {reason}"
    for name, sha256 in found.files.items():
        yield f"fitted to {name}, sha256 {sha256[:12]}"
    yield f"{found.file}: {found.file_schema}, sha256 {found.sha256[:12]}"
