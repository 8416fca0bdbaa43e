"""What is compared: results of a benchmark, and a history."""

import json
from collections.abc import Sequence
from pathlib import Path

from moeprof.pipeline.history import add_to_history
from moeprof.tests.cli.command_line import Result
from moeprof.tests.fuzz.case import Target
from moeprof.tests.fuzz.mutations import json_fields, parquet_fields
from moeprof.tests.pipeline.conftest import write_linear_run

_HISTORY = "history/cpu/run.parquet"


def _benchmarks(folder: Path) -> None:
    """OLD and NEW of six rows, one of which takes twice its time."""
    for name, factor in (("old", 1.0), ("new", 2.0)):
        rows = [{"name": f"row {n}", "value": 1.0 + n / 10, "unit": "ms"} for n in range(5)]
        rows[0] |= {"value": factor, "interval": [factor * 0.99, factor * 1.01]}
        goals = [{"name": "speed", "value": 2.0, "unit": "x", "goal": "> 1", "met": True}]
        machine = {"device_name": "a CPU", "gpu": None, "versions": {"torch": "2.13"}}
        body = {"rows": rows, "goals": goals, "machine": machine}
        (folder / f"{name}.json").write_text(json.dumps(body))


def _history(folder: Path) -> None:
    run = write_linear_run(folder / "run")
    added = add_to_history(run.folder, folder / "added").path
    path = folder / _HISTORY
    path.parent.mkdir(parents=True)
    added.replace(path)


def _compared(folder: Path, results: Sequence[Result]) -> None:
    assert [one["op"] for one in results[0].data["ops"]]


def _listed(folder: Path, results: Sequence[Result]) -> None:
    assert all("gelu" in result.stdout for result in results)


TARGETS = (
    Target(
        name="benchmark",
        make=_benchmarks,
        file="new.json",
        mutate=json_fields,
        commands=(
            ("compare", "@/old.json", "@/new.json", "--json"),
            ("compare", "@/new.json", "@/old.json", "--cross"),
        ),
        intact=_compared,
        names=("new.json", "OLD and NEW"),
        share=4,
    ),
    Target(
        name="history",
        make=_history,
        file=_HISTORY,
        mutate=parquet_fields,
        commands=(("history", "--history", "@/history"),),
        intact=_listed,
        names=("run.parquet", "of the history"),
        share=3,
    ),
)
