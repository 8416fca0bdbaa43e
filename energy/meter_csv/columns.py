"""The columns of time and of power in a meter's CSV, and the units that their names hold."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...store.errors import BadInput

SECONDS: Final = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6,
                  "\u03bcs": 1e-6, "ns": 1e-9}  # fmt: skip
WATTS: Final = {"w": 1.0, "watt": 1.0, "watts": 1.0, "mw": 1e-3, "kw": 1e3}
_TIME_WORDS: Final = {"time", "t", "timestamp", "elapsed", "epoch", "clock", "datetime", "zeit"}
_POWER_WORDS: Final = {"power", "p"}
_NO_READING: Final = {"limit", "max", "min", "cap"}  # power.limit of nvidia-smi
# A name and its unit: power_w, power.draw [W], Time (ms), P/W.
_NAME: Final = re.compile(r"(?:(.*?)[\s_./\[(]+)?([A-Za-zµ\u03bc]+)[\])]?")


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


def find_columns(path: Path, names: Sequence[str]) -> Columns | None:
    """The columns of time and power among these names; None unless there is one of each or more.

    Names with a unit go before names without. Raises BadInput for more than one of either, and for
    a power in "MW", which may be milliwatts or megawatts.
    """
    times = _candidates(names, SECONDS, _TIME_WORDS)
    powers = _candidates(names, WATTS, _POWER_WORDS)
    if not times or not powers or [one.place for one in times] == [one.place for one in powers]:
        return None
    if len(times) > 1 or len(powers) > 1:
        raise _not_one_each(path, times, powers)
    (time,), (power,) = times, powers
    if power.unit == "MW":
        raise BadInput(
            f"{path}: column {power.name!r} may be in milliwatts or in megawatts",
            hint="name it power_w, power_mw or power_kw",
        )
    return Columns(time, power)


def no_columns(path: Path, names: Sequence[str]) -> BadInput:
    """The refusal of a file whose first line holds these names."""
    times = _candidates(names, SECONDS, _TIME_WORDS)
    return _not_one_each(path, times, _candidates(names, WATTS, _POWER_WORDS))


def _not_one_each(path: Path, times: Sequence[Column], powers: Sequence[Column]) -> BadInput:
    several = [one.name.strip() for found in (times, powers) if len(found) > 1 for one in found]
    named = f" ({', '.join(several)})" if several else ""
    return BadInput(
        f"{path} has {len(times)} columns of time and {len(powers)} of power{named}, and needs one"
        " each",
        hint="name them time_s (or time_ms, time_us, time_ns) and power_w, and remove others",
    )


def _candidates(names: Sequence[str], units: Iterable[str], words: set[str]) -> list[Column]:
    """Columns with one of these units in their names, or else those with one of these words."""
    named, unnamed = [], []
    for place, name in enumerate(names):
        own = set(re.split(r"[^a-z]+", name.lower()))
        parts = _NAME.fullmatch(name.strip())
        if parts is None or own & _NO_READING:
            continue
        if parts[2].lower() in units and (words is _POWER_WORDS or own & words):
            named.append(Column(place, name, "MW" if parts[2] == "MW" else parts[2].lower()))
        elif own & words:
            unnamed.append(Column(place, name, None))
    return named or unnamed
