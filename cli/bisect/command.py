"""`moeprof bisect`: which commit made a metric worse."""

from pathlib import Path
from typing import Annotated

import typer

from .. import render
from ..options import Json, duration_s
from .output import show_bisection, show_plan
from .reading_options import (
    BatchSize,
    Build,
    Command,
    Error,
    MetricName,
    MinEffect,
    Op,
    Ops,
    State,
    Value,
    question_of,
    share,
)


def bisect(
    good: Annotated[str, typer.Argument(metavar="GOOD", help="Commit before the change.")],
    bad: Annotated[str, typer.Argument(metavar="BAD", help="Commit after it, which is worse.")],
    command: Command = None,
    value: Value = None,
    build: Build = None,
    build_cost: Annotated[
        float,
        typer.Option("--build-cost", min=0, help="Cost of building a commit, in readings."),
    ] = 0.0,
    ops: Ops = None,
    op: Op = None,
    batch_size: BatchSize = None,
    metric: MetricName = "latency",
    error: Error = 5.0,
    min_effect: MinEffect = 1.0,
    drift: Annotated[
        bool, typer.Option("--drift/--no-drift", help="Whether the machine may drift slowly.")
    ] = True,
    budget: Annotated[
        str | None, typer.Option("--budget", help="Time after which to stop, such as 2h.")
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Read the ends a few times, and say what it takes.")
    ] = False,
    state: State = None,
    json: Json = False,
) -> None:
    """Find the commit that made a metric worse, at a stated error.

    After `--` stands a command that prints a number, a larger one being worse; or --ops, --op and
    --batch-size name what moeprof measures. Run it again to go on after an interrupt.

    Exit 0: found. 4: no difference, or the budget was spent. 125: several commits share the change.
    """
    from ...pipeline.bisect.bisect import Rules, plan_bisection
    from ...pipeline.bisect.bisect import bisect as find
    from ...pipeline.revisions.repository import Repository
    from ...pipeline.revisions.state import state_folder
    from ...store.document import to_json

    question = question_of(command, value, build, ops, op, batch_size, metric)
    rules = Rules(share("--error", error), share("--min-effect", min_effect), drift, build_cost)
    where = state_folder(Repository(Path.cwd()), question) if state is None else state
    with render.Talk() as talk:
        if plan:
            planned = plan_bisection(good, bad, question, state=where, rules=rules, progress=talk)
            show_plan(planned)
            return
        budget_s = None if budget is None else duration_s(budget)
        found = find(
            good, bad, question, state=where, rules=rules, budget_s=budget_s, progress=talk
        )
    if json:
        render.text(to_json(found))
    else:
        show_bisection(found)
    raise typer.Exit(found.outcome.exit_code)
