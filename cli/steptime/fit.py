"""`moeprof steptime fit`: a model of steps from measured rows."""

from pathlib import Path
from typing import Annotated, Final

import typer

from .. import render

_OUT: Final = Path("step_time_model.json")


def fit(
    data: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of serving_rows.parquet and models.csv.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Where to write the model.")] = _OUT,
) -> None:
    """Fit steps of served models to measured rows.

    Each form is scored on configurations that it was not fitted to.
    """
    from ...pipeline.steptime.fit import fit_steps

    file = fit_steps(data, out)
    for reason, count in file.refused.items():
        render.warn(f"{count} rows refused: {reason}")
    render.table(
        f"Error on configurations that no fit saw; {file.rows} rows of {file.configurations}",
        ["form", "#median %", "#p90 %"],
        [
            [name, f"{100 * score.median:.1f}", f"{100 * score.p90:.1f}"]
            for name, score in file.scores.items()
        ],
    )
    render.say(f"model: {out}")
