"""The columns of time and power of a meter's file, in s and W."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from ...stats.arrays import Float64
from ...store.errors import BadInput
from .columns import SECONDS, WATTS, Column
from .numbers import decimal_marks, first_marked, numbers_and_units, values
from .table import read_table

Reading = tuple[Float64, Float64]  # times in s and powers in W

_HEAD_LINES: Final = 100  # rows that show whether times are stamps
_YEAR_2100_S: Final = 4.1e9
_MOST_W: Final = 20_000.0  # no device takes more, nor stays below the next under load
_LEAST_W: Final = 3.0
_LARGEST_READING_W: Final = 1e6
_MAX_NEGATIVE: Final = 0.1
_SHORTEST_STEP_S: Final = 1e-6  # no meter reads faster, and none of use slower than the next
_LONGEST_STEP_S: Final = 10.0
_WRAP: Final = 2.0**32  # counts after which a 32-bit clock begins again
_WRAP_PERIODS: Final = 100  # median times between readings that may pass while it does
_STAMP: Final = r"^\s*(?:19[789]|20[0-9])[0-9][-/][0-9]{2}[-/][0-9]{2}[T ][0-9]{2}:[0-9]{2}"
_COMMA_SECONDS: Final = r"(:[0-9]{2}),([0-9])"
_ZONE: Final = r"(?:Z|[+-][0-9]{2}:?[0-9]{2})\s*$"


def time_and_power(path: Path) -> tuple[Float64, Float64]:
    """Time in s and power in W of each row, both of shape (n,), NaN where a row has no number.

    A unit stands in the column's name (time_s, Time (ms), power_mw, power.draw [W]) or behind each
    number. Columns are separated by commas, semicolons, tabs or bars; lines before the names are
    passed over; a file may be UTF-8, UTF-16 or UTF-32. Times may be ISO 8601 stamps too: without a
    zone they count from the first, because the hour of the zone is unknown. A 32-bit count of ms or
    us that begins again goes on. A last line without an end may be cut, and is left out. A power
    below -3 W is no reading.

    Raises BadInput where there is not one column of each, a unit is missing or impossible, several
    devices share the column, and where numbers have no one grammar or may be read in two.
    """
    table = read_table(path)
    columns = table.columns
    time_text, seconds_by = _clock(path, columns.time, table.cells[columns.time.place])
    power_text, power_units = numbers_and_units(table.cells[columns.power.place])
    watts_each = _factors(path, columns.power, power_units, WATTS)
    texts = [power_text, *time_text]
    readings = [
        (seconds_by(mark), values(power_text, mark) * watts_each)
        for mark in decimal_marks(path, texts, table.separator)
    ]
    seconds, watts = _one_reading(path, readings, texts)
    _check_epoch(path, columns.time, seconds[np.isfinite(seconds)])
    watts = _without_negative(path, columns.power, watts)
    _check_power(path, columns.power, watts[np.isfinite(watts)])
    return _within(seconds, _YEAR_2100_S), _within(watts, _LARGEST_READING_W)


def _clock(
    path: Path, column: Column, cells: "pd.Series[Any]"
) -> tuple[list["pd.Series[Any]"], Callable[[str], Float64]]:
    """The text of a time column's numbers, none for stamps, and its seconds by decimal mark."""
    if 2 * _stamps(cells[:_HEAD_LINES]).sum() > len(cells[:_HEAD_LINES]):
        stamped = _stamped_seconds(path, column, cells)
        return [], lambda _: stamped
    text, units = numbers_and_units(cells)
    seconds_each = _factors(path, column, units, SECONDS)
    return [text], lambda mark: _unwrapped(values(text, mark)) * seconds_each


def _one_reading(
    path: Path, readings: Sequence[Reading], texts: Sequence["pd.Series[Any]"]
) -> Reading:
    """The one reading that a meter can have written; the first where none can be.

    Raises BadInput where a mark before three digits gives possible times and powers both as a
    decimal mark and between thousands.
    """
    possible = [one for one in readings if _is_possible(*one)]
    if len(possible) > 1:
        raise BadInput(
            f"{path}: {first_marked(texts)!r:.40} may be thousands or a fraction",
            hint="write numbers without thousands marks, and fractions with four digits",
        )
    return (possible or readings)[0]


def _is_possible(seconds: Float64, watts: Float64) -> bool:
    """Whether a meter may have read these powers of a device at these times."""
    steps = np.diff(seconds[np.isfinite(seconds)])
    if len(steps) and not (
        (steps >= 0).all() and _SHORTEST_STEP_S <= np.median(steps) <= _LONGEST_STEP_S
    ):
        return False
    return _is_power(watts[np.isfinite(watts)])


def _within(values: Float64, largest: float) -> Float64:
    """Numbers, NaN where one is larger: single ones are faults of the meter or of its file."""
    return np.where(np.abs(values) <= largest, values, np.nan)


def _without_negative(path: Path, column: Column, watts: Float64) -> Float64:
    """Powers, NaN where one is negative beyond noise: a board does not feed its supply.

    Raises BadInput where over a tenth are: then the rest is no power of a board either.
    """
    negative = watts < -_LEAST_W
    if negative.sum() > _MAX_NEGATIVE * len(watts):
        raise BadInput(
            f"{path}: column {column.name!r} holds {negative.sum()} negative powers in"
            f" {len(watts)} rows, as {np.nanmin(watts):.4g} W",
            hint="give the power that the device takes; a current clamp may be the wrong way round",
        )
    return np.where(negative, np.nan, watts)


def _factors(
    path: Path, column: Column, units: "pd.Series[Any]", known: Mapping[str, float]
) -> Float64:
    """What to multiply each number of a column by; NaN where its unit is another.

    Raises BadInput where the name and a cell differ in their units, and where neither has one.
    """
    if column.unit is not None and (units == "").all():
        return np.full(len(units), known[column.unit])
    written = units.fillna("")
    lower = written.str.lower().where(written != "MW", "MW")
    differs = (lower != "") & lower.isin(known) & (lower != column.unit)
    if column.unit is not None and differs.any():
        raise BadInput(
            f"{path}: column {column.name!r} holds a number in {written[differs].iloc[0]!r}",
            hint="write the unit that the numbers have into the column's name",
        )
    if column.unit is None and not lower.isin(known).any():
        raise BadInput(
            f"{path}: column {column.name!r} names no unit, and its numbers have none",
            hint=f"name it with its unit, one of {', '.join(known)}: for example {column.name}_"
            f"{next(iter(known))}",
        )
    if column.unit is not None:
        lower = lower.where(lower != "", column.unit)
    return np.asarray(lower.map(known), dtype=np.float64)


def _stamps(cells: "pd.Series[Any]") -> "pd.Series[bool]":
    return cells.str.match(_STAMP).fillna(False).astype(bool)


def _stamped_seconds(path: Path, column: Column, cells: "pd.Series[Any]") -> Float64:
    """Seconds since the epoch of ISO 8601 stamps, or since the first where they have no zone.

    A stamp without a zone is some hours off the epoch; the difference of two of them is right.
    """
    stamps = _stamps(cells)
    zoned = cells.str.contains(_ZONE, regex=True) & stamps
    if zoned.any() and not zoned[stamps].all():
        raise BadInput(
            f"{path}: column {column.name!r} has times with a zone and without",
            hint="write all of them in one way, best with a zone",
        )
    text = cells.str.strip().str.replace("/", "-", regex=False).where(stamps)
    text = text.str.replace(_COMMA_SECONDS, r"\1.\2", regex=True)
    times = pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce")
    since = pd.Timestamp(0, tz="UTC") if zoned.any() else times.min()
    return np.asarray((times - since).dt.total_seconds(), dtype=np.float64)


def _unwrapped(counts: Float64) -> Float64:
    """Counts of a 32-bit clock, which go on where it began again; others as they are."""
    known = np.isfinite(counts)
    steps = np.diff(counts[known])
    wraps = steps < -_WRAP / 2
    whole = counts[known] % 1 == 0
    if (
        not wraps.any()
        or not whole.all()
        or counts[known].max() >= _WRAP
        or counts[known].min() < 0
    ):
        return counts
    if (steps[wraps] + _WRAP > _WRAP_PERIODS * max(float(np.median(steps)), 1.0)).any():
        return counts
    gone_on = counts.copy()
    gone_on[known] += _WRAP * np.concatenate([[0], np.cumsum(wraps)])
    return gone_on


def _check_epoch(path: Path, column: Column, seconds: Float64) -> None:
    if 2 * (seconds > _YEAR_2100_S).sum() > len(seconds):
        raise BadInput(
            f"{path}: column {column.name!r} holds {seconds.max():.4g} s, which is after the year"
            " 2100",
            hint="its unit is another: 19 digits since the epoch are ns, 16 are us, 13 are ms",
        )


def _check_power(path: Path, column: Column, watts: Float64) -> None:
    """Refuse power that no device has under load, where a unit is wrong by 1000."""
    if not _is_power(watts):
        raise BadInput(
            f"{path}: column {column.name!r} holds {watts.min():.4g} to {watts.max():.4g} W, which"
            " no device takes under load",
            hint="its unit is another: name it power_mw or power_kw",
        )


def _is_power(watts: Float64) -> bool:
    """Whether a device takes these powers under load; so none are."""
    too_high = 2 * (watts > _MOST_W).sum() > len(watts)
    return not too_high and (not len(watts) or bool(watts.max() >= _LEAST_W))
