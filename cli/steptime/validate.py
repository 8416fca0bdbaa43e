"""`moeprof steptime validate`: predictions of steps and energy against rows no fit had."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from ...store.errors import BadInput
from .. import render
from ..options import Json
from .verdict import show_verdict

if TYPE_CHECKING:
    from ...store.verdicts.step_validation import StepValidation

File = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="FILE",
        help="step_time_model.json, judged on the rows of DIR that it was not fitted to.",
    ),
]
Data = Annotated[
    Path,
    typer.Argument(
        metavar="DIR",
        help="Folder of rows. Without FILE, fits of them are judged, each without a part.",
    ),
]
LeaveOne = Annotated[
    Literal["configuration", "model", "gpu", "ngpu", "engine", "dense", "time"] | None,
    typer.Option(
        "--leave-one",
        help="Judge fits of the rows of DIR alone, each without one model, one type or number of"
        " GPUs, one engine, or a tenth of the configurations. dense: predict MoE models from dense"
        " ones; time: the last 20 % of the rows from those before.",
        show_default="configuration",
    ),
]
Limit = Annotated[
    float | None,
    typer.Option(
        help="Largest median error that passes, in percent; of the 90th percentile 3 times that.",
        show_default="of FILE what it states x 1.25; of fits docs/steptime.md",
    ),
]

_LEAST: Final = 0.1  # percent: verdicts write errors to this digit


def validate(
    file: File = None,
    *,
    data: Data,
    leave_one: LeaveOne = None,
    limit: Limit = None,
    json: Json = False,
) -> None:
    """Judge predictions: PASS (exit 0), FAIL (1), AMBIGUOUS (125).

    Of steps, power and energy, on rows that no fit had, beside simpler predictions.

    \b
    moeprof steptime validate step_time_model.json other-rows
    moeprof steptime validate rows --leave-one model
    """  # noqa: D301 - the help is not rewrapped below a backspace, and a raw string holds none
    from ...store.document import to_json

    if limit is not None and not _LEAST <= limit < 100:
        raise BadInput(
            f"--limit is {limit:g}, and must be {_LEAST:g} or more and below 100 percent",
            hint="write 15 for 15 %",
        )
    verdict = _judge(file or [], data, leave_one, None if limit is None else limit / 100)
    if json:
        render.text(to_json(verdict))
    else:
        show_verdict(verdict)
    raise typer.Exit(verdict.outcome.exit_code)


def _judge(
    files: list[Path], data: Path, leave_one: str | None, limit: float | None
) -> "StepValidation":
    from ...pipeline.steptime.validation.validate import LEFT_OUT, validate_file, validate_fits

    if not files:
        left_out = next(one for one in LEFT_OUT if one == (leave_one or LEFT_OUT[0]))
        with render.Rounds() as rounds:
            return validate_fits(data, left_out, limit, rounds.next)
    if len(files) > 1:
        raise BadInput(f"{len(files)} files were given", hint="give one FILE, and DIR after it")
    if leave_one is not None:
        raise BadInput(
            f"--leave-one judges fits of the rows of {data}, and {files[0]} is none of them",
            hint="give DIR alone, or leave --leave-one out",
        )
    return validate_file(files[0], data, limit)
