"""The document of a benchmark (`python benchmarks/NAME.py --json FILE`) as one side.

Each of its `rows` and `goals` with a name, a value and a unit is one curve of a single place.
Times, energies and powers are costs; of another unit only goals are compared, whose limit says
whether less is better. Where more is, the inverse of the value is its cost.
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import log
from typing import Annotated, Any, Final

import msgspec

from ...store.errors import BadInput
from .conditions import conditions_of_machine
from .side import Place, Reading, Side

# Quantity, unit and factor to it, by the unit of a row.
_COSTS: Final = {
    "ns": ("latency", "us", 1e-3), "us": ("latency", "us", 1.0), "ms": ("latency", "us", 1e3),
    "s": ("latency", "us", 1e6), "mJ": ("energy", "mJ", 1.0), "J": ("energy", "mJ", 1e3),
    "W": ("power", "W", 1.0),
}  # fmt: skip


# What a document may hold in place of a number, such as 1e400 or NaN, is none.
_Number = Annotated[float, msgspec.Meta(ge=1e-30, le=1e30)]


@dataclass(frozen=True, slots=True)
class _Entry:
    """A row or a goal of the document, as far as it is read."""

    name: str
    value: _Number
    unit: str
    benchmark: str = ""
    interval: Any = None
    goal: float | str | None = None
    met: bool | None = None


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
        name = f"{entry.benchmark} {entry.name}".strip()
        half_95 = _half_95(entry.interval)
        if entry.unit in _COSTS:
            metric, shown, factor = _COSTS[entry.unit]
            yield _Row(name, metric, shown, Reading(factor * entry.value, half_95))
        elif (less_is_better := _less_is_better(entry)) is not None:
            cost = entry.value if less_is_better else 1 / entry.value
            yield _Row(name, f"goals in {entry.unit or '1'}", entry.unit, Reading(cost, half_95))


def _entries(body: Mapping[str, Any], name: str) -> Iterator[_Entry]:
    """The entries of a list that have a name, a unit and a value that is a positive number."""
    entries = body.get(name)
    for entry in entries if isinstance(entries, list) else ():
        with contextlib.suppress(msgspec.ValidationError):
            yield msgspec.convert(entry, _Entry)


def _less_is_better(entry: _Entry) -> bool | None:
    """Whether a goal is met by small values; None where that does not show."""
    if isinstance(entry.goal, str):
        return {"<": True, ">": False}.get(entry.goal[:1])
    if entry.goal is None or entry.met is None or entry.value == entry.goal:
        return None
    return (entry.value < entry.goal) == entry.met


def _half_95(interval: Any) -> float | None:
    """Half width of an interval of 95 %, a |log| ratio; None of what is no interval."""
    try:
        low, high = msgspec.convert(interval, tuple[_Number, _Number])
    except msgspec.ValidationError:
        return None
    return log(high / low) / 2 if low <= high else None
