"""The columns of time and of power in a meter's CSV, and the units that their names hold."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...store.errors import BadInput, shortened

SECONDS: Final = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6,
                  "\u03bcs": 1e-6, "ns": 1e-9, "h": 3600.0, "hours": 3600.0}  # fmt: skip
WATTS: Final = {"w": 1.0, "watt": 1.0, "watts": 1.0, "mw": 1e-3, "kw": 1e3}
_TIME_WORDS: Final = {"time", "t", "timestamp", "elapsed", "epoch", "clock", "datetime", "zeit"}
_POWER_WORDS: Final = {"power", "p"}
# Limits and settings, such as power.limit of nvidia-smi, and quantities that are no active power.
_NO_READING: Final = frozenset(
    "limit max min cap tdp rated nominal target budget set setpoint requested default peak"
    " va var pct percent dbm factor level state mode source".split()
)
# A name and its unit: power_w, power.draw [W], Time (ms), P/W.
_NAME: Final = re.compile(r"(?:(.*?)[\s_./\[(]+)?([A-Za-zµ\u03bc]+)[\])]?")
_FACTOR: Final = re.compile(  # [10 W], (100 us), power x10 [W]
    r"[\[(][^\])]*[0-9][^\])]*[\])]?\s*$|(?<![a-z])[x*\u00d7]\s*10+(?![0-9])", re.IGNORECASE
)
_NUMBER: Final = re.compile(r"[-+]?[0-9.,]+\s*([A-Za-z]*)")
_LONGEST_NAME: Final = 100  # characters; longer ones name neither a time nor a power


@dataclass(frozen=True, slots=True)
class Column:
    """A column by its place and name; `unit` is in it, or None where the name holds none."""

    place: int
    name: str
    unit: str | None


@dataclass(frozen=True, slots=True)
class Columns:
    """The one column of time and the one of power."""

    time: Column
    power: Column


def are_names(names: Sequence[str]) -> bool:
    """Whether a line names a column of time and another of power, one of each or more."""
    return bool(_times(names) and _powers(names, []))


def find_columns(path: Path, names: Sequence[str], rows: Sequence[Sequence[str]]) -> Columns:
    """The columns of time and power among these names, above these first rows of cells.

    A time with a unit in its name goes before one without. A power without a unit in its name
    counts where its cells are numbers. Raises BadInput for none or several of either, for a factor
    in a unit, and for a power in "MW", which may be milliwatts or megawatts.
    """
    times, powers = _times(names), _powers(names, rows)
    if len(times) != 1 or len(powers) != 1:
        raise _not_one_each(path, times, powers)
    (time,), (power,) = times, powers
    for column in (time, power):
        if _FACTOR.search(column.name):
            raise BadInput(
                f"{path}: the unit of column {column.name!r} holds a number",
                hint="multiply its cells by it, and name the column with the unit alone",
            )
    if power.unit == "MW":
        raise BadInput(
            f"{path}: column {power.name!r} may be in milliwatts or in megawatts",
            hint="name it power_w, power_mw or power_kw",
        )
    return Columns(time, power)


def _not_one_each(path: Path, times: Sequence[Column], powers: Sequence[Column]) -> BadInput:
    several = [one.name.strip() for found in (times, powers) if len(found) > 1 for one in found]
    named = f" ({shortened(', '.join(several), 160)})" if several else ""
    plural = "s" * (len(times) != 1)
    return BadInput(
        f"{path} has {len(times)} column{plural} of time and {len(powers)} of power{named}, and it"
        " must have one of each",
        hint="name them time_s (or time_ms, time_us, time_ns) and power_w, and remove others",
    )


def _times(names: Sequence[str]) -> list[Column]:
    """Columns of time: those with a unit in their names, or else those without."""
    found = _candidates(names, SECONDS, _TIME_WORDS)
    return [one for one in found if one.unit is not None] or found


def _powers(names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Column]:
    """Columns of power: those with a unit in their names, and those whose cells are numbers."""
    times = {one.place for one in _times(names)}
    found = [one for one in _candidates(names, WATTS, _POWER_WORDS) if one.place not in times]
    sure = [one for one in found if one.unit is not None or _holds_power(one.place, rows)]
    return sure or found


def _holds_power(place: int, rows: Sequence[Sequence[str]]) -> bool:
    """Whether a cell of this column is a number, alone or in watts."""
    cells = (_NUMBER.fullmatch(row[place].strip()) for row in rows if place < len(row))
    return any(cell[1].lower() in {"", *WATTS} for cell in cells if cell)


def _candidates(names: Sequence[str], units: Iterable[str], words: set[str]) -> list[Column]:
    """Columns with one of these units in their names, and those with one of these words."""
    found = []
    for place, name in enumerate(names):
        if len(name) > _LONGEST_NAME:
            continue
        own = set(re.split(r"[^a-z]+", name.lower()))
        parts = _NAME.fullmatch(name.strip())
        if parts is None or own & _NO_READING:
            continue
        if parts[2].lower() in units and (words is _POWER_WORDS or own & words):
            found.append(Column(place, name, "MW" if parts[2] == "MW" else parts[2].lower()))
        elif own & words:
            found.append(Column(place, name, None))
    return found
