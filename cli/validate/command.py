"""`moeprof validate`: the model's predictions against measurements that the fit never saw."""

from pathlib import Path
from typing import Annotated

import typer

from ...store.errors import BadInput
from .. import render
from ..options import DEFAULT_STORE, Json, Store, find_model
from .output import show_verdict


def validate(
    model: Annotated[
        Path | None,
        typer.Argument(metavar="MODEL", help="Model file or its run; the latest if left out."),
    ] = None,
    against: Annotated[
        str,
        typer.Option(
            "--against", help="holdout; nvml, to measure now; or the folder of another run."
        ),
    ] = "holdout",
    limit: Annotated[
        float | None,
        typer.Option(
            help="Allowed median error, and error of a mixed workload, in percent. Of a band of"
            " batch sizes it is twice that, of the 95th percentile 5 times, of each size 10 times.",
            show_default="3; of energy 5",
        ),
    ] = None,
    trust: Annotated[
        bool,
        typer.Option(
            "--trust",
            help="Let --against nvml run the scripts of a run that was begun elsewhere.",
        ),
    ] = False,
    store: Store = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """Judge the model: PASS (exit 0), FAIL (1) or AMBIGUOUS (125)."""
    from ...pipeline.validate import validate as judge
    from ...store.document import to_json

    if limit is not None and not 0 < limit < 100:
        raise BadInput(f"--limit {limit:g} is no percentage", hint="write 3 for 3 %")
    path = find_model(model, store)
    with render.Talk() as talk:
        result = judge(
            path,
            against=against,
            limit_ratio=None if limit is None else limit / 100,
            trust=trust,
            progress=talk,
        )
    if json:
        render.text(to_json(result.verdict))
    else:
        show_verdict(result.verdict)
    raise typer.Exit(result.verdict.outcome.exit_code)
