"""`moeprof check`: the oracle of `git bisect run`."""

from pathlib import Path
from typing import Annotated

import typer

from .. import render
from ..options import duration_s
from .output import ratio
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
    from ...pipeline.bisect.bisect import Rules
    from ...pipeline.check import check as ask
    from ...pipeline.revisions.repository import Repository
    from ...pipeline.revisions.state import state_folder

    question = question_of(command, value, build, ops, op, batch_size, metric)
    where = state_folder(Repository(Path.cwd()), question) if state is None else state
    rules = Rules(share("--error", error), share("--min-effect", min_effect), drift)
    with render.Talk() as talk:
        found = ask(
            against,
            question,
            state=where,
            rules=rules,
            budget_s=None if budget is None else duration_s(budget),
            progress=talk,
        )
    change = "" if found.effect is None else f"{ratio(found.effect)} {against}"
    read = f"{found.readings} reading{'s' * (found.readings > 1)}" if found.readings else ""
    said = ", ".join(filter(None, (change, read, found.reason)))
    name = found.commit[:10] + " with changes that no commit holds" * ("+" in found.commit)
    render.paragraph(f"{found.verdict}: {name}: {said}")
    raise typer.Exit(found.verdict.exit_code)
