"""`moeprof steptime validate`: a model of steps against rows that it was not fitted to."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from .. import render
from ..options import Json


def validate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="step_time_model.json.")],
    data: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of serving_rows.parquet and models.csv.")
    ],
    json: Json = False,
) -> None:
    """Judge a model of steps by rows that it was not fitted to.

    Exit code 1 if the errors or the intervals are not what the file says.
    """
    from ...pipeline.steptime.validate import validate_steps

    verdict = validate_steps(file, data)
    if json:
        render.data(asdict(verdict) | {"passed": verdict.passed})
    else:
        render.table(
            "Predicted against measured mean steps, in %",
            ["rows of", "#rows", "#median", "#p90", "#bias", "#90 % holds", "#roofline"],
            [
                [
                    score.group,
                    str(score.rows),
                    *(f"{100 * one:.1f}" for one in (score.median, score.p90, score.bias)),
                    "-" if score.coverage is None else f"{100 * score.coverage:.1f}",
                    f"{100 * score.roofline:.1f}",
                ]
                for score in verdict.scores
            ],
        )
    for reason, count in verdict.refused.items():
        render.warn(f"{count} rows refused: {reason}")
    for why in verdict.why:
        render.warn(why)
    render.say("verdict: " + ("PASS" if verdict.passed else "FAIL"))
    if not verdict.passed:
        raise typer.Exit(1)
