"""Joules per token against time per token, drawn in 80 columns, with the Pareto front."""

from collections.abc import Sequence
from math import ceil, floor, log10
from string import ascii_lowercase
from typing import TYPE_CHECKING, Final

from .. import render

if TYPE_CHECKING:
    from ...pipeline.steptime.curve import CurvePoint, EnergyCurve

_COLUMNS: Final = 68  # width of the drawing without its labels
_ROWS: Final = 17
_LABEL: Final = 8  # columns of a number beside the axis
_TICKS: Final = ((1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 8))  # coarse, and fine ones where those are few
_FEW: Final = 3
_TABLE: Final = 16  # rows of the front that a terminal shows; --json has all


def show_curve(curve: "EnergyCurve", *, listed: bool) -> None:
    """Draw the points; the front is `listed` below where no other table has it."""
    if not curve.front:
        render.warn("no curve of energy: no row had power")
        return
    render.text("\n".join(drawn(curve)))
    if not listed:
        return
    front = _some(curve.front)
    some = "" if len(front) == len(curve.front) else f", {len(front)} of {len(curve.front)}"
    render.table(
        f"Points that no other beats in both time and energy{some}; predicted",
        ["split", "#batch", "#ms/token", "#90 %", "#J/token", "#90 %", "#W", "#tokens/s"],
        [_row(one) for one in front],
    )
    if any(one.extrapolated for one in front):
        render.say("* beyond the rows: extrapolated")


def drawn(curve: "EnergyCurve") -> list[str]:
    """The lines of the drawing, at most 80 columns wide; both axes are logarithmic."""
    known = [(one, one.j_per_token) for one in curve.points if one.j_per_token is not None]
    times = _Axis([one.ms_per_token for one, _ in known], _COLUMNS)
    joules = _Axis([value for _, value in known], _ROWS)
    grid = [[" "] * _COLUMNS for _ in range(_ROWS)]
    letters = dict(zip(curve.splits, ascii_lowercase, strict=False))
    for one, value in sorted(known, key=lambda pair: pair[0].on_front):
        letter = letters[one.split]
        line = grid[_ROWS - 1 - joules.place(value)]
        line[times.place(one.ms_per_token)] = letter.upper() if one.on_front else letter
    height = {_ROWS - 1 - joules.place(value): value for value in joules.ticks()}
    lines = [
        curve.served,
        curve.requests,
        "J/token (up) against ms/token (right), both logarithmic; predicted",
    ]
    for row, cells in enumerate(grid):
        label = f"{height[row]:>{_LABEL}g} ┤" if row in height else " " * (_LABEL + 1) + "│"
        lines.append((label + "".join(cells)).rstrip())
    lines += _foot(times)
    named = ", ".join(f"{letter} {split}" for split, letter in letters.items())
    return [*lines, f"{named}; capitals: no other point beats it in both", *_interval(curve, times)]


def _foot(times: "_Axis") -> list[str]:
    """The horizontal axis, with its numbers."""
    axis, numbers = ["─"] * _COLUMNS, [" "] * _COLUMNS
    for value in times.ticks():
        place, text = times.place(value), f"{value:g}"
        start = min(max(0, place - len(text) // 2), _COLUMNS - len(text))
        if all(cell == " " for cell in numbers[max(0, start - 1) : start + len(text) + 1]):
            axis[place] = "┬"
            numbers[start : start + len(text)] = text
    indent = " " * (_LABEL + 1)
    return [f"{indent}└{''.join(axis)}", f"{indent} {''.join(numbers).rstrip()}"]


def _interval(curve: "EnergyCurve", times: "_Axis") -> list[str]:
    """The widest interval of time on the front, as long as it is in the drawing."""
    factors = [one.high_ms / one.ms_per_token for one in curve.front if one.high_ms is not None]
    if not factors:
        return ["no interval: too few rows tell how far such steps may be off"]
    reach = round(times.columns_of(max(factors)))
    bar = f"├{'─' * (reach - 1)}┼{'─' * (reach - 1)}┤" if reach else "┼"
    told = f"90 % of such steps lie within a factor of at most {max(factors):.2f} of their point:"
    return [told, bar[: _COLUMNS + _LABEL]]


class _Axis:
    """A logarithmic axis over positive values, of so many cells."""

    def __init__(self, values: Sequence[float], cells: int) -> None:
        self._low, high = log10(min(values)), log10(max(values))
        self._span = max(high - self._low, 0.1)
        self._cells = cells

    def place(self, value: float) -> int:
        """The cell of a value."""
        share = (log10(value) - self._low) / self._span
        return min(self._cells - 1, max(0, round(share * (self._cells - 1))))

    def columns_of(self, factor: float) -> float:
        """How many cells a factor spans."""
        return log10(factor) / self._span * (self._cells - 1)

    def ticks(self) -> list[float]:
        """Round values on the axis, multiples of powers of ten."""
        powers = range(floor(self._low), ceil(self._low + self._span) + 1)
        found: list[float] = []
        for ticks in _TICKS:
            values = [float(f"{tick}e{power}") for power in powers for tick in ticks]
            found = [one for one in values if 0 <= log10(one) - self._low <= self._span]
            if len(found) >= _FEW:
                break
        return found


def _some(front: "Sequence[CurvePoint]") -> "list[CurvePoint]":
    """At most `_TABLE` of the front, its ends among them."""
    if len(front) <= _TABLE:
        return list(front)
    return [front[round(row * (len(front) - 1) / (_TABLE - 1))] for row in range(_TABLE)]


def _row(one: "CurvePoint") -> list[str]:
    return [
        one.split + ("*" if one.extrapolated else ""),
        str(one.batch),
        render.number(one.ms_per_token, 3),
        _between(one.low_ms, one.high_ms),
        render.number(one.j_per_token, 3),
        _between(one.low_j, one.high_j),
        render.number(one.power_w, 3),
        render.number(one.tokens_per_s, 3),
    ]


def _between(low: float | None, high: float | None) -> str:
    return "-" if low is None else f"{render.number(low, 2)}-{render.number(high, 2)}"
