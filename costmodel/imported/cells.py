"""Cells of a public table: numbers and names that are checked, and refused by file, column and row.

Rows count from 1, without the line of names.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from ...store.errors import BadInput

_LARGEST: Final = 1 << 24  # no width, batch or number of experts comes near it
_MOST_ROWS: Final = 1 << 20  # published tables have up to 220,000
_LONGEST_NAME: Final = 200  # characters
_SHORTEST_MS: Final = 1e-6
_LONGEST_MS: Final = 1e9
_GPU_POWER_W: Final = (1.0, 10_000.0)  # no GPU at work takes less or more


@dataclass(frozen=True, slots=True)
class Cells:
    """One row of a table; `row` counts from 1. Each method raises BadInput, naming the cell."""

    path: Path
    row: int
    values: Mapping[str, Any]

    def text(self, column: str) -> str:
        """A name of 1 to 200 characters."""
        value = self.values[column]
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            raise self.refusal(column, "a name")
        if len(value) > _LONGEST_NAME:
            raise self.refusal(column, f"a name of at most {_LONGEST_NAME} characters")
        return value

    def whole(self, column: str) -> int:
        """A whole number from 1 to 2**24; 128.0 is one, and the text "128" is none."""
        value = self.values[column]
        if not _is_number(value) or value % 1 or not 1 <= value <= _LARGEST:
            raise self.refusal(column, f"a whole number from 1 to {_LARGEST}")
        return int(value)

    def duration_us(self, column: str) -> float:
        """A duration that the table has in ms, in us."""
        value = self.values[column]
        if not _is_number(value) or not _SHORTEST_MS <= value <= _LONGEST_MS:
            raise self.refusal(column, f"a duration from {_SHORTEST_MS:g} to {_LONGEST_MS:g} ms")
        return float(value) * 1000

    def power_w(self, column: str) -> float | None:
        """Power in W; None for null, NaN, 0 and less, which mean that none was measured."""
        value = self.values.get(column)
        if value is None or (_is_number(value) and not value > 0):
            return None
        lowest, highest = _GPU_POWER_W
        if not _is_number(value) or not lowest <= value <= highest:
            raise self.refusal(column, f"the power of a GPU, {lowest:g} to {highest:g} W")
        return float(value)

    def place(self, column: str) -> str:
        """Where a cell stands."""
        return f"{self.path}, column {column!r}, row {self.row}"

    def refusal(self, column: str, rule: str) -> BadInput:
        """The refusal of a cell, which must be what `rule` says."""
        value = self.values[column]
        shown = "empty" if value is None else f"{value!r:.60}"
        return BadInput(
            f"{self.path}: column {column!r} is {shown} in row {self.row}, and must be {rule}",
            hint="mend the cell, or remove the row",
        )


def columns_of(path: Path, table: pa.Table) -> dict[str, list[Any]]:
    """The columns of a table of `path` as Python values.

    Raises BadInput where it has more rows than a table of measurements, each of which takes three
    bytes or more.
    """
    most = min(path.stat().st_size, _MOST_ROWS)
    if table.num_rows > most:
        raise BadInput(
            f"{path} holds {table.num_rows} rows, and a table of its size holds at most {most}",
            hint="fetch it anew, or name another table",
        )
    return table.to_pydict()


def rows_of(path: Path, columns: Mapping[str, list[Any]]) -> Iterator[Cells]:
    """The rows of a table of `path` whose columns have one length."""
    names = list(columns)
    for row, values in enumerate(zip(*columns.values(), strict=True), start=1):
        yield Cells(path, row, dict(zip(names, values, strict=True)))


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, int) or not math.isinf(value)
