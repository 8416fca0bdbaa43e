"""Check and round the rows of a table of points before they become knots."""

from collections.abc import Iterable, Sequence
from math import ceil, isfinite, log
from typing import Any, Final

from ..store.errors import BadInput
from ..store.scenario import SurfaceKey

Row = dict[str, Any]

_REQUIRED: Final = ("op", "dtype", "l2", "regime", "latency_source", "energy_source")
_AMOUNTS: Final = ("flops", "bytes_moved", "gap_us", "energy_mj_ci95", "idle_power_w")
# Repeats of a measurement differ in the third digit. Six digits keep the measurement and drop the
# last bits of a double, in which two machines may differ: the same points then give the same file.
_DIGITS: Final = 6
_ROUNDING: Final = 1 + 10 ** (1 - _DIGITS)
_HALF_WIDTH_DECIMALS: Final = 4
# Any latency (us) or energy (mJ) lies between, 31 years and a thousandth of a picosecond apart:
# ratios and intervals of two then stay within a double.
_LEAST: Final = 1e-9
_MOST: Final = 1e15


def checked_knots(curve: str, rows: Iterable[Row]) -> list[Row]:
    """One row per batch size, ascending, its latency checked and rounded.

    Raises BadInput, naming the curve, for a batch size below 1, a latency that is missing or is not
    positive and finite, any other quantity that is not finite, an amount that is negative, and for
    a size that stands twice with different latencies.
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
        positive(curve, row, "latency_sustained_us")
        _check_quantities(curve, row)
        first = knots.setdefault((tokens, row["active_experts"]), row | {"latency_us": latency_us})
        if first["latency_us"] != latency_us:
            raise BadInput(
                f"{curve} has two latencies at batch size {tokens}: "
                f"{first['latency_us']} and {latency_us} us",
                hint="a table holds one row per size, its repeats merged: parse one run at a time",
            )
    return sorted(knots.values(), key=lambda row: (row["tokens"], row["active_experts"] or 0))


def _check_quantities(curve: str, row: Row) -> None:
    for column, value in row.items():
        wrong = isinstance(value, float) and not isfinite(value)
        if wrong or (column in _AMOUNTS and value is not None and value < 0):
            raise BadInput(
                f"{column} of {curve} at batch size {row['tokens']} is {value}, and what is known "
                "must be finite, an amount not negative",
                hint="profile that size again; what was not measured is null",
            )


def is_unconfirmed(row: Row) -> bool:
    """Whether fewer than two repeats of a point agree; an imported table does not say."""
    agreeing = row.get("agreeing")
    return agreeing is not None and agreeing < 2


def positive(curve: str, row: Row, column: str) -> float | None:
    """A quantity of a point, rounded; None where it was not measured.

    Raises BadInput for one that is not positive, or of a size that no measurement has.
    """
    value = row.get(column)
    if value is None:
        return None
    if not _LEAST < value < _MOST:
        raise BadInput(
            f"{column} of {curve} at batch size {row['tokens']} is {value}, "
            f"and it must be positive, above {_LEAST:g} and below {_MOST:g}",
            hint="profile that size again; what was not measured is null, never zero",
        )
    return rounded(value)


def half_widths_95(curve: str, rows: Sequence[Row]) -> tuple[float | None, ...] | None:
    """Half width of each point's own 95 % interval, as a |log| ratio; None where no point has one.

    It is that of the longer side, rounded up; where no two repeats agree, their difference if that
    is more. Raises BadInput for an interval that does not hold its latency.
    """
    halves = tuple(_half_width_95(curve, row) for row in rows)
    return None if all(half is None for half in halves) else halves


def _half_width_95(curve: str, row: Row) -> float | None:
    low, high, latency_us = row["latency_us_lo"], row["latency_us_hi"], row["latency_us"]
    apart = (row["repeat_difference"] if is_unconfirmed(row) else None) or 0.0
    if low is None or high is None:
        return _rounded_up(apart) if apart else None
    if not (_LEAST < low <= latency_us * _ROUNDING and latency_us <= high * _ROUNDING < _MOST):
        raise BadInput(
            f"the interval of {curve} at batch size {row['tokens']}, {low} to {high} us, "
            f"does not hold its latency of {latency_us} us",
            hint="make the tables anew with `moeprof parse RUN`",
        )
    return _rounded_up(max(apart, log(latency_us / low), log(high / latency_us)))


def _rounded_up(half_width: float) -> float:
    return ceil(half_width * 10**_HALF_WIDTH_DECIMALS) / 10**_HALF_WIDTH_DECIMALS


def one_value(curve: str, rows: Sequence[Row], column: str) -> Any:
    """The value of a column that all rows share. Raises BadInput where they do not."""
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


def identity(curve: str, rows: Sequence[Row], key: type[SurfaceKey]) -> dict[str, Any]:
    """Fields of `key` that all rows share. Raises BadInput where they do not."""
    shared = {column: one_value(curve, rows, column) for column in key.names()}
    return shared | {"shape": tuple(shared["shape"] or ())}


def rounded(value: float) -> float:
    """Round to six significant digits."""
    return float(f"{value:.{_DIGITS}g}")


def all_rounded(values: dict[str, Any]) -> dict[str, Any]:
    """Round each value that is a float to six significant digits."""
    return {
        name: rounded(value) if isinstance(value, float) else value
        for name, value in values.items()
    }
