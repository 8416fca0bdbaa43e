"""The history of a device: runs added to it, and how each operation went from run to run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from pathlib import Path
from statistics import median
from typing import Any, Final

import pyarrow as pa

from ..store.document import read_document
from ..store.errors import BadInput, path_argument
from ..store.history.history import DEFAULT_HISTORY, add_run, history_table, read_history
from ..store.provenance import Provenance
from ..store.run import open_run
from ..store.tables.parquet import read_table
from .parse import parse_if_stale

_LEAST: Final = 1e-30  # smallest value: ratios of two are finite, as none exceeds 1e30
_COLUMNS: Final = {"latency": "latency_us", "energy": "energy_mj", "power": "power_w"}

_Values = Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Added:
    """The file of a run in a history, and what to warn of."""

    path: Path
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HistoryRun:
    """One run of a history; `flagged` is the share of its points that have flags."""

    run: str
    utc: str
    git_commit: str | None
    points: int
    flagged: float


@dataclass(frozen=True, slots=True)
class Course:
    """How one quantity of one curve went over the runs of a device.

    `levels` has for each run its value relative to the first run that has it: the median ratio over
    the batch sizes of both. None where a run lacks it.
    """

    metric: str
    op: str
    curve: str
    levels: tuple[float | None, ...]

    @property
    def known(self) -> tuple[float, ...]:
        """The levels that are known."""
        return tuple(level for level in self.levels if level is not None)


@dataclass(frozen=True, slots=True)
class DeviceHistory:
    """The runs of one device, the first that began first, and the course of each curve."""

    device_id: str
    device: str
    runs: tuple[HistoryRun, ...]
    courses: tuple[Course, ...]


def add_to_history(run: Path | str, history: Path | str = DEFAULT_HISTORY) -> Added:
    """Add what a run measured to a history, in place of an earlier table of the same run.

    Raises BadInput where `run` is no run, or where the table cannot be written.
    """
    opened, history = open_run(path_argument("run", run)), path_argument("history", history)
    plan, warnings = opened.plan(), parse_if_stale(opened)
    provenance = read_document(opened.provenance_path, Provenance)
    points = read_table(opened.table("points"), "points")
    return Added(add_run(history, history_table(plan, provenance, points)), tuple(warnings))


def courses(
    history: Path | str = DEFAULT_HISTORY, *, metric: str = "latency", op: str | None = None
) -> tuple[DeviceHistory, ...]:
    """How each operation went from run to run, on each device; or one operation alone.

    `metric` is latency, energy or power. Raises BadInput where the history holds no run, or not
    that operation or quantity.
    """
    if metric not in _COLUMNS:
        raise BadInput(f"{metric!r} has no history", hint=f"ask for {', '.join(_COLUMNS)}")
    history = path_argument("history", history)
    found = read_history(history)
    if not found:
        raise BadInput(
            f"there is no run in the history {history}",
            hint="add one: moeprof history add RUN; or name the --history that has it",
        )
    devices = tuple(_device(name, tables, metric, op) for name, tables in found.items())
    if not any(device.courses for device in devices):
        rows = (row for tables in found.values() for table in tables for row in table.to_pylist())
        ops = sorted({row["op"] for row in rows if row[_COLUMNS[metric]]})
        raise BadInput(
            f"no run of the history {history} measured {metric} of {op or 'anything'}",
            hint=f"it has {metric} of {', '.join(ops) or 'nothing: ask for another --metric'}",
        )
    return devices


def _device(name: str, tables: Sequence[pa.Table], metric: str, op: str | None) -> DeviceHistory:
    rows = [table.to_pylist() for table in tables]
    ops = {row["curve"]: row["op"] for run in rows for row in run if op in (None, row["op"])}
    found = (_course(metric, curve, of, rows) for curve, of in ops.items())
    return DeviceHistory(
        device_id=name,
        device=rows[0][0]["device"],
        runs=tuple(map(_run, rows)),
        courses=tuple(course for course in found if course.known),
    )


def _run(rows: Sequence[dict[str, Any]]) -> HistoryRun:
    first = rows[0]
    flagged = sum(row["flags"] > 0 for row in rows) / len(rows)
    return HistoryRun(first["run"], first["utc"], first["git_commit"], len(rows), flagged)


def _course(metric: str, curve: str, op: str, runs: Sequence[Sequence[dict[str, Any]]]) -> Course:
    column = _COLUMNS[metric]
    values = [
        {
            row["tokens"]: row[column]
            for row in rows
            if row["curve"] == curve and (row[column] or 0) >= _LEAST
        }
        for rows in runs
    ]
    first = next((one for one in values if one), {})
    return Course(metric, op, curve, tuple(_level(one, first) for one in values))


def _level(values: _Values, first: _Values) -> float | None:
    """Median ratio to the values of the first run, over the batch sizes of both."""
    ratios = [log(value / first[size]) for size, value in values.items() if size in first]
    return exp(median(ratios)) if ratios else None
