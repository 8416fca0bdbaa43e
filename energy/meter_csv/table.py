"""The cells of a meter's file: its text, the line of names, and the rows under it."""

import codecs
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import pandas as pd

from ...store.errors import BadInput, shortened
from ...store.files import read_bytes, refuse_lfs_pointer
from .columns import Columns, are_names, find_columns
from .devices import is_device, refuse_several_devices

_HINT: Final = "write decimal points, or commas and semicolons between the columns"
_MOST_BYTES: Final = 128 << 20
_MOST_LINES: Final = 4_000_000  # an hour of 1000 readings a second
_LONGEST_LINE: Final = 65_536  # characters
_HEAD_LINES: Final = 100  # lines before the names of the columns, which meters write
_VALUES_OF_HEAD: Final = 2  # lines under names of the meter's own settings, before the readings
_ARCHIVES: Final = (b"PK\3\4", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"\x28\xb5\x2f\xfd")


@dataclass(frozen=True, slots=True)
class Table:
    """The columns of time and power, the separator, and the cells as text under their places."""

    columns: Columns
    separator: str
    cells: pd.DataFrame


def read_table(path: Path) -> Table:
    """Read a meter's file. Raises BadInput where it is no CSV of one device with one header."""
    text = _text(path)
    if text.count("\n") > _MOST_LINES:
        raise BadInput(
            f"{path} has more than {_MOST_LINES} lines",
            hint="keep those of the power pass, or fewer readings a second",
        )
    lines = text.splitlines()
    if text and not text.endswith(("\n", "\r")):
        lines.pop()
    _check_lengths(path, lines)
    if not any(line.strip() for line in lines):
        raise BadInput(f"{path} holds no whole line", hint="let the meter record the power pass")
    place = _place_of_names(lines)
    separator = _separator(lines[place])
    names = _split(lines[place], separator)
    under = [line for line in lines[place + 1 :] if line.strip() and line != lines[place]]
    columns = find_columns(path, names, [_split(line, separator) for line in under[:_HEAD_LINES]])
    devices = [at for at, name in enumerate(names) if is_device(name)]
    places = [columns.time.place, columns.power.place, *devices]
    cells = _cells(path, under, separator, places, len(names))
    _refuse_other_names(path, lines, place, [under[row - 1] for row in _texts(cells, columns)])
    for at in devices:
        refuse_several_devices(path, names[at], cells[at])
    return Table(columns, separator, cells)


def _check_lengths(path: Path, lines: Sequence[str]) -> None:
    """Refuse a file of long lines, before each of its cells is copied."""
    for number, line in enumerate(lines, start=1):
        if len(line) > _LONGEST_LINE:
            raise BadInput(
                f"{path}: line {number} has {len(line)} characters; a row of a meter has at most"
                f" {_LONGEST_LINE}",
                hint="give the CSV that the meter wrote, one reading in a line",
            )


def _place_of_names(lines: Sequence[str]) -> int:
    """The place of the line that names the columns, or of the first line that is no comment.

    Names with only a line or two before other names are those of the meter's settings.
    """
    places: dict[str, int] = {}
    for at, line in enumerate(lines[:_HEAD_LINES]):
        if line not in places and are_names(_split(line, _separator(line))):
            places[line] = at
    for at, following in pairwise([*places.values(), len(lines)]):
        if following - at - 1 > _VALUES_OF_HEAD:
            return at
    written = [at for at, line in enumerate(lines) if line.strip() and line.strip()[0] not in "#%"]
    return [0, *written[:1], *places.values()][-1]


def _texts(cells: pd.DataFrame, columns: Columns) -> "pd.Index[int]":
    """The rows whose time holds letters and no digit, as names of columns do."""
    time = cells[columns.time.place]
    odd = time[pd.to_numeric(time, errors="coerce").isna()]
    has_letters, has_digits = (odd.str.contains(own, na=False) for own in ("[A-Za-z]", "[0-9]"))
    return odd[has_letters & ~has_digits].index


def _refuse_other_names(
    path: Path, lines: list[str], place: int, candidates: Sequence[str]
) -> None:
    """Refuse names in the midst of a file that are not those at its head, as of another unit."""
    for line in dict.fromkeys(candidates):
        if are_names(_split(line, _separator(line))):
            raise BadInput(
                f"{path}: line {lines.index(line, place) + 1} names other columns than line"
                f" {place + 1}: {shortened(line)!r}",
                hint="keep one recording in a file",
            )


def _cells(
    path: Path, lines: Sequence[str], separator: str, places: list[int], width: int
) -> pd.DataFrame:
    """The cells of some columns as text; rows with too many cells are left out as empty.

    So are rows with half a pair of quotes, which would swallow those that follow.
    """
    empty = separator * width
    whole = [line if line.count('"') % 2 == 0 else empty for line in lines]
    try:
        table = pd.read_csv(
            # The first line has every column. As text it would take four times the memory.
            io.BytesIO("\n".join([empty, *whole]).encode()),
            sep=separator,
            header=None,
            names=list(range(width + 1)),  # the last for what is too much
            usecols=sorted({*places, width}),
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
    data = read_bytes(path, _MOST_BYTES)
    if data.startswith(_ARCHIVES):
        raise BadInput(f"{path} is packed, and no CSV", hint="unpack it, and give the CSV")
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return data.decode("utf-32", errors="replace")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    if b"\0" in data[:2]:  # UTF-16 without a mark: its ASCII characters have a zero byte
        return data.decode("utf-16-be" if data[:1] == b"\0" else "utf-16-le", errors="replace")
    return data.decode("utf-8-sig", errors="replace")


def _separator(line: str) -> str:
    return next((mark for mark in ";\t,|" if mark in line), ",")


def _split(line: str, separator: str) -> list[str]:
    return next(csv.reader([line], delimiter=separator, strict=False), [])
