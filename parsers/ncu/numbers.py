"""Numbers as ncu writes them in the language of the machine that it runs on.

"8.736" is 8.736 where decimals follow a point, and 8736 where a point marks thousands. What the
cells of a page can mean together decides; where they cannot decide, the page is refused.
"""

import re
from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from ...store.errors import BadInput
from ..messages import Refusal
from .hints import PLAIN_NUMBERS_HINT


class Style(NamedTuple):
    """The marks of a way to write numbers: "." and "," for 1,234.5."""

    decimal: str
    thousands: str


class NumberCell(NamedTuple):
    """A cell to decide by: its place for messages, its text, what its column allows.

    kept: whether its value becomes part of `counters`.
    """

    line: int
    metric: str
    unit: str
    text: str
    kept: bool


STYLES: Final = tuple(
    Style(decimal, thousands)
    for decimal, marks in ((".", ", '"), (",", ". '"))
    for thousands in marks
)
_ALL: Final = frozenset(STYLES)
# All signs that languages put between thousands, as the two that `STYLES` knows.
_SPACES_AND_APOSTROPHES: Final = str.maketrans(
    {"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2019": "'", "\u2212": "-"}
)
_WHOLE_UNITS: Final = frozenset({
    "ns", "nsecond", "byte", "inst", "cycle", "sector", "request", "register/thread",
})  # fmt: skip
_COUNTED: Final = (".sum", ".max", ".min", "launch__registers_per_thread")
# A number whose only mark cannot be one of thousands: it is not before three digits.
_CERTAIN: Final = re.compile(r"[+-]?\d+([.,])(?:\d{1,2}|\d{4,})")
_WITH_DECIMAL: Final = {
    mark: frozenset(style for style in STYLES if style.decimal == mark) for mark in ".,"
}
_IMPOSSIBLE_PCT: Final = 1000


def number_style(path: Path, cells: Iterable[NumberCell]) -> Style:
    """Find how a page writes numbers.

    Raises BadInput where its cells contradict each other, and where a cell that is kept has two
    readings that no other cell decides between; the sentence names the cells and their lines.
    """
    left = _ALL
    seen: list[tuple[NumberCell, frozenset[Style]]] = []
    for cell in cells:
        certain = _CERTAIN.fullmatch(cell.text)
        possible = _WITH_DECIMAL[certain[1]] if certain else _possible(cell)
        if not possible or possible == _ALL:
            continue
        seen.append((cell, possible))
        if not left & possible:
            raise _contradiction(path, seen)
        left &= possible
    for cell, _ in seen:
        readings = {value_of(cell.text, style) for style in left}
        if cell.kept and len(readings) > 1:
            raise _two_readings(path, cell)
    return next(style for style in STYLES if style in left)


def value_of(text: str, style: Style) -> Decimal | None:
    """Read a number in one style; None where the text is none in it."""
    plain = text.translate(_SPACES_AND_APOSTROPHES)
    if not _pattern(style).fullmatch(plain):
        return None
    return Decimal(plain.replace(style.thousands, "").replace(style.decimal, "."))


@lru_cache
def _pattern(style: Style) -> re.Pattern[str]:
    """Grammar of a number; groups are of three digits or, in India, of two before the last."""
    mark, decimal = re.escape(style.thousands), re.escape(style.decimal)
    grouped = rf"[1-9]\d{{0,2}}(?:{mark}\d{{3}})+|[1-9]\d?(?:{mark}\d\d)+{mark}\d{{3}}"
    return re.compile(
        rf"[+-]?(?:(?:{grouped})(?:{decimal}\d*)?|\d+(?:{decimal}\d*)?(?:[eE][+-]?\d{{1,3}})?)"
    )


def _possible(cell: NumberCell) -> frozenset[Style]:
    """Styles in which a cell is a number that its column can hold; empty where it is no number."""
    values = {style: value_of(cell.text, style) for style in STYLES}
    readable = {style: value for style, value in values.items() if value is not None}
    if len(set(readable.values())) > 1:
        readable = {style: value for style, value in readable.items() if _can_be(value, cell)}
    return frozenset(readable)


def _can_be(value: Decimal, cell: NumberCell) -> bool:
    """Whether a column can hold a value: what ncu counts is whole, and percentages are small."""
    if cell.unit in _WHOLE_UNITS and cell.metric.endswith(_COUNTED):
        return not value % 1
    return cell.unit != "%" or abs(value) < _IMPOSSIBLE_PCT


def _contradiction(path: Path, seen: list[tuple[NumberCell, frozenset[Style]]]) -> BadInput:
    """Name the last cell, and the first that contradicts it (or narrows the choice with others)."""
    last, possible = seen[-1]
    first = next((cell for cell, other in seen if not other & possible), seen[0][0])
    return BadInput(
        f"{path} {Refusal.MIXED_NUMBERS}: {_place(first)}, and {_place(last)}",
        hint=PLAIN_NUMBERS_HINT,
    )


def _two_readings(path: Path, cell: NumberCell) -> BadInput:
    point, comma = (value_of(cell.text, Style(*marks)) for marks in (".,", ",."))
    return BadInput(
        f"{path} {Refusal.UNCLEAR_NUMBERS}: {_place(cell)}, which is {point} or {comma}",
        hint=PLAIN_NUMBERS_HINT,
    )


def _place(cell: NumberCell) -> str:
    unit = f" {cell.unit}" if cell.unit else ""
    return f"line {cell.line} gives {cell.metric} as '{cell.text}'{unit}"
