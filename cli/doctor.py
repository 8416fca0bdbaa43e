"""`moeprof doctor`: what this machine can measure, and what stops it."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from . import render
from .options import DEFAULT_STORE, Json, Store

if TYPE_CHECKING:
    from ..doctor.check_result import CheckResult


def doctor(store: Store = DEFAULT_STORE, json: Json = False) -> None:
    """See what this machine can measure; exit 1 on a fault."""
    from ..doctor.check_result import Status
    from ..doctor.examine import examine

    render.say("measuring for some ten seconds, on a GPU for twenty")
    findings = examine(store)
    if json:
        render.data([asdict(finding) for finding in findings])
    else:
        render.table(
            "What this machine can measure",
            ["status", "check", "evidence, what it costs, how to mend it"],
            [[finding.status, finding.check, _tell(finding)] for finding in findings],
        )
    if any(finding.status is Status.FAULT for finding in findings):
        raise typer.Exit(1)


def _tell(finding: "CheckResult") -> str:
    costs = f"costs: {finding.cost}" if finding.cost else ""
    mend = f"mend: {finding.remedy}" if finding.remedy else ""
    return "\n".join(filter(None, [finding.evidence, costs, mend]))
