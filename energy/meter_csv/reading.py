"""The columns of time and power of a meter's file, in s and W."""

import codecs
import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from ...stats.arrays import Float64
from ...store.errors import BadInput
from ...store.files import read_bytes, refuse_lfs_pointer
from .columns import SECONDS, WATTS, Column, Columns, find_columns, no_columns
from .numbers import decimal_mark, numbers_and_units, values

_HINT: Final = "write decimal points, or commas and semicolons between the columns"
_HEAD_LINES: Final = 100  # lines before the names of the columns, which meters write
_YEAR_2100_S: Final = 4.1e9
_MOST_W: Final = 20_000.0  # no device takes more, nor stays below the next under load
_LEAST_W: Final = 3.0
_LARGEST_READING_W: Final = 1e6
_WRAP: Final = 2.0**32  # counts after which a 32-bit clock begins again
_WRAP_PERIODS: Final = 100  # median times between readings that may pass while it does
_STAMP: Final = r"^\s*(?:19[789]|20[0-9])[0-9][-/][0-9]{2}[-/][0-9]{2}[T ][0-9]{2}:[0-9]{2}"
_ZONE: Final = r"(?:Z|[+-][0-9]{2}:?[0-9]{2})\s*$"


def time_and_power(path: Path) -> tuple[Float64, Float64]:
    """Time in s and power in W of each row, both of shape (n,), NaN where a row has no number.

    A unit stands in the column's name (time_s, Time (ms), power_mw, power.draw [W]) or behind each
    number. Columns are separated by commas, semicolons or tabs; lines before the names are passed
    over; a file may be UTF-8 or UTF-16. Times may be ISO 8601 stamps too: without a zone they
    count from the first, because the hour of the zone is unknown. A 32-bit count of ms or us that
    begins again goes on. A last line without an end may be cut, and is left out.

    Raises BadInput where there is not one column of each, a unit is missing or impossible, and
    where numbers have no one grammar.
    """
    columns, separator, table = _table(path)
    time, power = (table[column.place] for column in (columns.time, columns.power))
    power_text, power_units = numbers_and_units(power)
    if 2 * _stamps(time[:_HEAD_LINES]).sum() > len(time[:_HEAD_LINES]):
        decimal = decimal_mark(path, [power_text], separator)
        seconds = _stamped_seconds(path, columns.time, time)
    else:
        time_text, time_units = numbers_and_units(time)
        decimal = decimal_mark(path, [power_text, time_text], separator)
        counts = _unwrapped(values(time_text, decimal))
        seconds = counts * _factors(path, columns.time, time_units, SECONDS)
    watts = values(power_text, decimal) * _factors(path, columns.power, power_units, WATTS)
    _check_epoch(path, columns.time, seconds[np.isfinite(seconds)])
    _check_power(path, columns.power, watts[np.isfinite(watts)])
    return _within(seconds, _YEAR_2100_S), _within(watts, _LARGEST_READING_W)


def _within(values: Float64, largest: float) -> Float64:
    """Numbers, NaN where one is larger: single ones are faults of the meter or of its file."""
    return np.where(np.abs(values) <= largest, values, np.nan)


def _table(path: Path) -> tuple[Columns, str, pd.DataFrame]:
    """The columns of time and power, the separator, and the cells as text under their places."""
    text = _text(path)
    lines = text.splitlines()
    if text and not text.endswith(("\n", "\r")):
        lines.pop()
    for place, line in enumerate(lines[:_HEAD_LINES], start=1):
        separator = _separator(line)
        names = _split(line, separator)
        columns = find_columns(path, names)
        if columns is not None:
            return columns, separator, _cells(path, lines[place:], separator, columns, len(names))
    first = next((line for line in lines if line.strip() and line.strip()[0] not in "#%"), "")
    raise no_columns(path, _split(first, _separator(first)))


def _cells(
    path: Path, lines: list[str], separator: str, columns: Columns, width: int
) -> pd.DataFrame:
    """The cells of two columns as text; rows with too many cells are left out as empty."""
    lines = [line for line in lines if line.strip()]
    places = [columns.time.place, columns.power.place]
    try:
        table = pd.read_csv(
            io.StringIO("\n".join([separator * width, *lines])),  # the first has every column
            sep=separator,
            header=None,
            names=list(range(width + 1)),  # the last for what is too much
            usecols=[*places, width],
            dtype=str,
            keep_default_na=False,
            on_bad_lines="skip",
        )[1:].fillna("")
    except ValueError as error:
        raise BadInput(f"{path} is not CSV: {error}", hint=_HINT) from error
    table = table[table[width].str.strip() == ""]
    if 2 * len(table) < len(lines):
        raise BadInput(f"{path} has rows of more columns than it names", hint=_HINT)
    return table[places].reindex(range(1, len(lines) + 1), fill_value="")


def _text(path: Path) -> str:
    """The file as text, whatever its encoding; what is no character is replaced."""
    refuse_lfs_pointer(path)
    data = read_bytes(path)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    if b"\0" in data[:2]:  # UTF-16 without a mark: its ASCII characters have a zero byte
        return data.decode("utf-16-be" if data[:1] == b"\0" else "utf-16-le", errors="replace")
    return data.decode("utf-8-sig", errors="replace")


def _separator(line: str) -> str:
    return next((mark for mark in ";\t" if mark in line), ",")


def _split(line: str, separator: str) -> list[str]:
    return next(csv.reader([line], delimiter=separator, strict=False), [])


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
    too_high = 2 * (watts > _MOST_W).sum() > len(watts)
    if too_high or (len(watts) and watts.max() < _LEAST_W):
        raise BadInput(
            f"{path}: column {column.name!r} holds {watts.min():.4g} to {watts.max():.4g} W, which"
            " no device takes under load",
            hint="its unit is another: name it power_mw or power_kw",
        )
