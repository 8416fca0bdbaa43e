"""Numbers as ncu writes them in the language of the machine that it runs on.

"8.736" is 8.736 where decimals follow a point, and 8736 where a point marks thousands. What the
columns of a page can mean together decides: first those whose values are kept, then the others.
Where they cannot decide, the page is unclear.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple

from ..messages import Refusal


class UnclearNumbers(Exception):
    """It is not certain how a page writes numbers; the text says why, without the file's name."""


class Style(NamedTuple):
    """The marks of a way to write numbers: "." and "," for 1,234.5."""

    decimal: str
    thousands: str


class MetricColumn(NamedTuple):
    """A column to decide by: each text in it with the first line that holds it.

    kept: whether its values become part of `counters`.
    """

    metric: str
    unit: str
    lines: Mapping[str, int]
    kept: bool


class _Vote(NamedTuple):
    """A cell, and the styles in which its column can hold it."""

    place: str
    text: str
    possible: frozenset[Style]


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
_LONGEST_NUMBER: Final = 400  # characters; a double has 309 digits before its point
_IMPOSSIBLE_PCT: Final = 1000
# Cells and units of a metric that has no value, or one that ncu marks as doubtful.
_ABSENT: Final = re.compile(
    r"|\(!\).*|n/a|no data|<not available>|[+-]?(?:nan|inf)", re.IGNORECASE | re.DOTALL
)
# Metrics that are numbers by their name: roll-ups and ratios of a counter (NVIDIA's Kernel
# Profiling Guide, "Metrics Structure"). Others without a unit may hold text, such as "0,1" for two
# numbers of launch__tpc_enabled.
_NUMBER_NAME: Final = re.compile(
    r"(?=\w+?__\w)\w++\.(?:sum|avg|min|max|pct|ratio|max_rate)(?:\.\w+)*"
)


def number_style(kept: Iterable[MetricColumn], others: Iterable[MetricColumn]) -> Style:
    """Find how a page writes numbers.

    Columns that are not kept decide only what the kept ones leave open. Raises UnclearNumbers where
    columns contradict each other on a cell that is kept, and where such a cell has two readings
    that nothing decides between; it names the cells and their lines.
    """
    votes = [vote for column in kept for vote in _votes(column)]
    left = _agreed(_ALL, votes)
    unclear = [vote for vote in votes if _readings(vote, left) > 1]
    if unclear:
        votes = [vote for column in others for vote in _votes(column) if vote.possible & left]
        left = _agreed(left, votes)
        for vote in unclear:
            if _readings(vote, left) > 1:
                raise _two_readings(vote)
    return next(style for style in STYLES if style in left)


def value_of(text: str, style: Style) -> Decimal | None:
    """Read a number in one style; None where the text is none in it."""
    if len(text) > _LONGEST_NUMBER:
        return None
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


def _votes(column: MetricColumn) -> Iterator[_Vote]:
    """Cells of a column that leave out a style; none where the column may hold text."""
    votes = []
    for text, line in column.lines.items():
        if text.isdecimal() or _ABSENT.fullmatch(text):
            continue
        possible = _possible(column, text)
        if possible:
            votes.append(_Vote(_place(column, text, line), text, possible))
        elif not column.kept:
            return
    if column.kept or not _ABSENT.fullmatch(column.unit) or _NUMBER_NAME.fullmatch(column.metric):
        yield from (vote for vote in votes if vote.possible != _ALL)


def _possible(column: MetricColumn, text: str) -> frozenset[Style]:
    """Styles in which a text is a number that its column can hold; empty where it is no number."""
    if certain := _CERTAIN.fullmatch(text):
        return _WITH_DECIMAL[certain[1]]
    values = {style: value_of(text, style) for style in STYLES}
    readable = {style: value for style, value in values.items() if value is not None}
    if len(set(readable.values())) > 1:
        readable = {style: value for style, value in readable.items() if _can_be(value, column)}
    return frozenset(readable)


def _can_be(value: Decimal, column: MetricColumn) -> bool:
    """Whether a column can hold a value: what ncu counts is whole, and kept percentages are small.

    Other percentages are of any size: "8,736" of a ratio may be 8736 %.
    """
    if column.unit in _WHOLE_UNITS and column.metric.endswith(_COUNTED):
        return not value % 1
    return not (column.kept and column.unit == "%") or abs(value) < _IMPOSSIBLE_PCT


def _agreed(left: frozenset[Style], votes: Sequence[_Vote]) -> frozenset[Style]:
    """Styles in which all votes agree. Raises UnclearNumbers where there is none."""
    for number, vote in enumerate(votes):
        if not left & vote.possible:
            # The first that contradicts it, or else one that narrows the choice with others.
            before = votes[: number or 1]
            first = next((one for one in before if not one.possible & vote.possible), before[0])
            raise UnclearNumbers(f"{Refusal.MIXED_NUMBERS}: {first.place}, and {vote.place}")
        left &= vote.possible
    return left


def _readings(vote: _Vote, left: frozenset[Style]) -> int:
    """Count the values that a cell can have."""
    return len({value_of(vote.text, style) for style in left})


def _two_readings(vote: _Vote) -> UnclearNumbers:
    point, comma = (value_of(vote.text, Style(*marks)) for marks in (".,", ",."))
    return UnclearNumbers(f"{Refusal.UNCLEAR_NUMBERS}: {vote.place}, which is {point} or {comma}")


def _place(column: MetricColumn, text: str, line: int) -> str:
    unit = f" {column.unit}" if column.unit else ""
    return f"line {line} gives {column.metric} as '{text}'{unit}"
