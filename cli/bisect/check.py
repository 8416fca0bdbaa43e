"""`moeprof check`: the oracle of `git bisect run`."""

import math
from pathlib import Path
from typing import Annotated

import typer

from .. import render
from ..options import duration_s
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


def check(
    against: Annotated[
        str, typer.Option("--against-ref", metavar="REF", help="A commit that is good.")
    ],
    command: Command = None,
    value: Value = None,
    build: Build = None,
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
        str | None, typer.Option("--budget", help="Time after which a commit is skipped.")
    ] = None,
    state: State = None,
) -> None:
    """Say whether this checkout is worse than REF, for git bisect.

    For `git bisect run moeprof check --against-ref REF -- CMD...`. Exit 0: good. 1: bad. 125:
    unknown, and git skips the commit. 129: anything else, at which git stops.
    """
    from ...pipeline.check import check as ask
    from ...pipeline.revisions.repository import Repository
    from ...pipeline.revisions.state import state_folder

    question = question_of(command, value, build, ops, op, batch_size, metric)
    where = state_folder(Repository(Path.cwd()), question) if state is None else state
    with render.Talk() as talk:
        found = ask(
            against,
            question,
            state=where,
            error=share("--error", error),
            min_effect=share("--min-effect", min_effect),
            may_drift=drift,
            budget_s=None if budget is None else duration_s(budget),
            progress=talk,
        )
    change = "" if found.found is None else f"{math.expm1(found.found.step):+.2%} against {against}"
    said = ", ".join(filter(None, (change, found.reason)))
    render.say(f"{found.verdict}: {found.commit[:10]}: {said}")
    raise typer.Exit(found.verdict.exit_code)
