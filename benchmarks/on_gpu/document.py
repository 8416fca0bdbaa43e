"""Results of a benchmark in the form in which those of two machines can be compared.

One document: `schema`, `machine` and `rows`. A row is one number, known by `benchmark` and `name`,
which are the same on every machine. benchmarks/README.md lists the fields.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from moeprof.benchmarks.on_gpu.bench import REPLAYS, Timed
from moeprof.device.identity import describe
from moeprof.profiler.git import head

SCHEMA = "moeprof.benchmark/1.0"


@dataclass(frozen=True, slots=True)
class Row:
    """One number of a benchmark; `value` is None where `why` says what kept it from being measured.

    `interval` is that of 95 %, of the median of `repeats` values where these are known.
    """

    benchmark: str
    name: str
    value: float | None
    unit: str
    interval: tuple[float, float] | None = None
    repeats: int | None = None
    goal: str | None = None
    met: bool | None = None
    why: str | None = None


def machine_identity(device: str) -> dict[str, Any]:
    """What the numbers of a machine depend on; its GPU and host are known by hashes alone.

    `device` is "cpu" or "cuda:N".
    """
    commit, dirty = head(Path(__file__).parent)
    here = describe(device, 1, git_commit=commit, git_dirty=dirty)
    gpu = None if here.gpu is None else asdict(here.gpu)
    if gpu is not None:
        uuid = gpu.pop("uuid")
        gpu["uuid_hash"] = hashlib.sha256(b"moeprof gpu " + uuid.encode()).hexdigest()[:12]
    whole = asdict(here) | {"gpu": gpu}
    return {name: value for name, value in whole.items() if name not in ("device", "threads")}


def rows_of(benchmark: str, timed: Sequence[Timed], goals: Sequence[dict[str, Any]]) -> list[Row]:
    """Rows of the timed variants, each with its goal, and of the goals that compare two of them."""
    open_goals = {goal["name"]: goal for goal in goals}
    rows: list[Row] = []
    for one in timed:
        for row in _rows_of_variant(benchmark, one):
            goal = open_goals.pop(row.name, None)
            rows.append(row if goal is None else _with_goal(row, goal))
    for goal in open_goals.values():
        rows.append(_with_goal(Row(benchmark, goal["name"], goal["value"], goal["unit"]), goal))
    return rows


def document(machine: dict[str, Any], rows: Sequence[Row], **more: Any) -> dict[str, Any]:
    """The document; `more` are fields that a comparison does not read."""
    return {
        "schema": SCHEMA,
        "machine": machine,
        "rows": [asdict(row) for row in rows],
        **more,
    }


def _rows_of_variant(benchmark: str, one: Timed) -> Iterator[Row]:
    """Time, share of the floor, energy and error of one variant."""
    name = f"{one.kernel} {one.size} {one.variant}"
    repeats = None if one.us is None else REPLAYS
    yield Row(benchmark, f"{name} time", one.us, "us", one.us_ci95, repeats, why=one.why)
    yield Row(benchmark, f"{name} of floor", one.of_floor, "ratio")
    mj = None if one.joules is None else 1e3 * one.joules
    interval = None
    if mj is not None and one.joules_ci95 is not None:
        interval = (mj - 1e3 * one.joules_ci95, mj + 1e3 * one.joules_ci95)
    yield Row(benchmark, f"{name} energy", mj, "mJ", interval, why=one.why)
    yield Row(benchmark, f"{name} error", one.error, "ratio", why=one.why)


def _with_goal(row: Row, goal: dict[str, Any]) -> Row:
    return Row(**{**asdict(row), "goal": goal["goal"], "met": goal["met"]})
