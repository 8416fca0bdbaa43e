"""`moeprof doctor`: what this machine can measure, and what stops it."""

from dataclasses import asdict

import typer

from . import render
from .options import DEFAULT_STORE, Json, Store


def doctor(store: Store = DEFAULT_STORE, json: Json = False) -> None:
    """Look at this machine; exit 1 where something stops a sweep."""
    from ..profiler.doctor import Status, examine

    findings = examine(store)
    if json:
        render.data([asdict(finding) for finding in findings])
    else:
        render.table(
            "What this machine can measure",
            ["check", "status", "evidence", "what it costs", "how to mend it"],
            [[f.check, f.status, f.evidence, f.cost, f.remedy] for f in findings],
        )
    if any(finding.status is Status.FAULT for finding in findings):
        raise typer.Exit(1)
