"""`moeprof validate`: the model's predictions against measurements that the fit never saw."""

import typer

from ...store.errors import BadInput
from .. import render
from ..options import DEFAULT_STORE, Json, Store, duration_s, find_model
from .options import Against, Force, Limit, ModelOrRun, Trust, Wait
from .output import show_verdict


def validate(
    model: ModelOrRun = None,
    against: Against = "holdout",
    limit: Limit = None,
    wait: Wait = None,
    force: Force = False,
    trust: Trust = False,
    store: Store = DEFAULT_STORE,
    json: Json = False,
) -> None:
    """Judge the model: PASS (exit 0), FAIL (1) or AMBIGUOUS (125)."""
    from ...pipeline.profile import RunOptions
    from ...pipeline.validate import validate as judge
    from ...store.document import to_json

    if limit is not None and not 0 < limit < 100:
        raise BadInput(
            f"--limit is {limit:g}, and must be above 0 and below 100 percent",
            hint="write 3 for 3 %",
        )
    options = None
    if force or wait is not None:
        options = RunOptions(wait_s=None if wait is None else duration_s(wait), force=force)
    path = find_model(model, store)
    with render.Talk() as talk:
        result = judge(
            path,
            against=against,
            limit_ratio=None if limit is None else limit / 100,
            options=options,
            trust=trust,
            progress=talk,
        )
    if json:
        render.text(to_json(result.verdict))
    else:
        show_verdict(result.verdict)
    raise typer.Exit(result.verdict.outcome.exit_code)
