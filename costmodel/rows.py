"""Rows of a table of points, checked: what is not a measurement does not become a knot."""

from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Any, Final

from ..store.errors import BadInput

Row = dict[str, Any]

_REQUIRED: Final = ("op", "dtype", "l2", "regime", "latency_source", "energy_source")
# Repeats of a measurement differ in the third digit. Six keep all of it, and drop the last bits
# of a double, in which two machines may differ: the same points give the same bytes.
_DIGITS: Final = 6


def checked_knots(curve: str, rows: Iterable[Row]) -> list[Row]:
    """One row per batch size, ascending, its latency checked and rounded.

    Raises BadInput, naming the curve, for a batch size below 1, a latency that is missing or is not
    positive and finite, and for a size that stands twice with different latencies.
    """
    knots: dict[tuple[int, int | None], Row] = {}
    for row in rows:
        tokens = row["tokens"]
        if tokens is None or tokens < 1:
            raise BadInput(f"{curve} has a point at batch size {tokens}; the smallest is 1")
        latency_us = positive(curve, row, "latency_us")
        if latency_us is None:
            raise BadInput(
                f"{curve} has neither a latency nor a failure at batch size {tokens}",
                hint="make the tables anew with `moeprof parse RUN`",
            )
        first = knots.setdefault((tokens, row["active_experts"]), row | {"latency_us": latency_us})
        if first["latency_us"] != latency_us:
            raise BadInput(
                f"{curve} has two latencies at batch size {tokens}: "
                f"{first['latency_us']} and {latency_us} us",
                hint="a table holds one row per size, its visits pooled: parse one run at a time",
            )
    return sorted(knots.values(), key=lambda row: (row["tokens"], row["active_experts"] or 0))


def positive(curve: str, row: Row, column: str) -> float | None:
    """Give a quantity of a point, rounded; None where it was not measured.

    Raises BadInput for one that is not positive and finite.
    """
    value = row[column]
    if value is None:
        return None
    if not (isfinite(value) and value > 0):
        raise BadInput(
            f"{column} of {curve} at batch size {row['tokens']} is {value}, "
            "and it must be positive and finite",
            hint="profile that size again; what was not measured is null, never zero",
        )
    return rounded(value)


def one_value(curve: str, rows: Sequence[Row], column: str) -> Any:
    """Give the value of a column that all rows share. Raises BadInput where they do not."""
    first = rows[0][column]
    if first is None and column in _REQUIRED:
        raise BadInput(f"{curve} has a point without its {column}")
    for row in rows:
        if row[column] != first:
            raise BadInput(
                f"{curve} mixes two values of {column}: {first} and {row[column]}",
                hint="what was measured differently is not one curve: parse one run at a time",
            )
    return first


def rounded(value: float) -> float:
    """Keep six significant digits."""
    return float(f"{value:.{_DIGITS}g}")


def all_rounded(values: dict[str, Any]) -> dict[str, Any]:
    """Keep six significant digits of each value that is a float."""
    return {
        name: rounded(value) if isinstance(value, float) else value
        for name, value in values.items()
    }
