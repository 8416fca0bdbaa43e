"""The document of a benchmark (`python benchmarks/NAME.py --json FILE`) as one side.

Each of its `rows` and `goals` with a name, a value and a unit is one curve of a single place.
Times, energies and powers are costs; of another unit only goals are compared, whose limit says
whether less is better. Where more is, the inverse of the value is its cost.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import log
from typing import Any, Final

from ...store.errors import BadInput
from .conditions import conditions_of_machine
from .side import Place, Reading, Side

# Quantity, unit and factor to it, by the unit of a row.
_COSTS: Final = {
    "ns": ("latency", "us", 1e-3), "us": ("latency", "us", 1.0), "ms": ("latency", "us", 1e3),
    "s": ("latency", "us", 1e6), "mJ": ("energy", "mJ", 1.0), "J": ("energy", "mJ", 1e3),
    "W": ("power", "W", 1.0),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Row:
    """One number: the quantity, the unit, and the value as a cost."""

    name: str
    metric: str
    unit: str
    reading: Reading


def side_of_benchmark(name: str, digest: str, body: Mapping[str, Any]) -> Side:
    """Take the document of a benchmark as a side. Raises BadInput where it holds no number."""
    rows = {(row.metric, row.name): row for row in _rows(body)}
    if not rows:
        raise BadInput(
            f"{name} holds no row and no goal with a name, a value and a unit",
            hint="name a run, a model, or what a benchmark wrote with --json",
        )
    values: dict[str, dict[Place, Reading]] = {}
    for (metric, row_name), row in rows.items():
        values.setdefault(metric, {})[(row_name, None)] = row.reading
    machine = body.get("machine")
    return Side(
        name=name,
        digest=digest,
        ops={row_name: row_name for _, row_name in rows},
        values=values,
        units={row.metric: row.unit for row in rows.values()},
        conditions=conditions_of_machine(machine) if isinstance(machine, dict) else {},
    )


def _rows(body: Mapping[str, Any]) -> Iterator[_Row]:
    for entry in (*_entries(body, "goals"), *_entries(body, "rows")):
        value, unit = entry.get("value"), entry.get("unit")
        if not isinstance(entry.get("name"), str) or not isinstance(unit, str):
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            continue
        name = " ".join(filter(None, [entry.get("benchmark"), entry["name"]]))
        half_95 = _half_95(entry.get("interval"))
        if unit in _COSTS:
            metric, shown, factor = _COSTS[unit]
            yield _Row(name, metric, shown, Reading(factor * value, half_95))
        elif (less_is_better := _less_is_better(entry)) is not None:
            cost = float(value) if less_is_better else 1 / value
            yield _Row(name, f"goals in {unit or '1'}", unit, Reading(cost, half_95))


def _entries(body: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    entries = body.get(name)
    return [one for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []


def _less_is_better(entry: Mapping[str, Any]) -> bool | None:
    """Whether a goal is met by small values; None where that does not show."""
    goal, met, value = entry.get("goal"), entry.get("met"), entry["value"]
    if isinstance(goal, str):
        return True if goal.startswith("<") else False if goal.startswith(">") else None
    if not isinstance(goal, int | float) or not isinstance(met, bool) or value == goal:
        return None
    return bool(value < goal) == met


def _half_95(interval: Any) -> float | None:
    """Half width of an interval of 95 %, a |log| ratio."""
    if not isinstance(interval, list) or len(interval) != 2:
        return None
    low, high = interval
    return log(high / low) / 2 if 0 < low <= high else None
