"""`moeprof doctor`: what this machine can measure, and what stops it."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from . import render
from .options import DEFAULT_STORE, Json, Store

if TYPE_CHECKING:
    from ..pipeline.doctor import CheckResult


def doctor(store: Store = DEFAULT_STORE, json: Json = False) -> None:
    """See what this machine can measure; exit 1 on a fault."""
    from ..pipeline.doctor import examine

    render.say("measuring for some ten seconds, on a GPU for twenty")
    found = examine(store)
    if json:
        render.data([asdict(check) for check in found.checks])
    else:
        render.table(
            "What this machine can measure",
            ["status", "check", "evidence, what it costs, how to mend it"],
            [[check.status, check.check, _details(check)] for check in found.checks],
        )
    if found.has_fault:
        raise typer.Exit(1)


def _details(check: "CheckResult") -> render.Lines:
    costs = f"costs: {check.cost}" if check.cost else ""
    mend = f"mend: {check.remedy}" if check.remedy else ""
    return tuple(filter(None, [check.evidence, costs, mend]))
