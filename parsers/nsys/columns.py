"""What both forms of an nsys export give: tables with columns that have one Arrow type each.

The SQLite export (sqlite_tables.py) and the Arrow export (arrow_tables.py) hold the same tables,
columns and rows, and give equal pieces of them.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import pyarrow as pa

from .cells import BadCells

BLOCK_VALUES: Final = 524_288  # values in a piece of a big table


class Column(NamedTuple):
    """A column to read: the first of `sources` that is not null; all null where there is none."""

    sources: tuple[str, ...]
    type: pa.DataType


Columns = Mapping[str, Column]  # by the name that the column gets


class Tables(Protocol):
    """The tables of an export; every `sources` names columns that the table has.

    A value that is not of its column's type is null in the result, and counted in `bad_cells`. Each
    method raises BadInput where the file is damaged.
    """

    tables: frozenset[str]
    bad_cells: BadCells

    def columns(self, table: str) -> Mapping[str, str]:
        """Names of a table's columns by their lower case; empty for a table that is not there.

        SQLite takes names of columns in any case.
        """

    def read(self, table: str, columns: Columns, order: str) -> pa.Table:
        """Read a small table; `order` names a column of the table to sort by, "" for none."""

    def blocks(self, table: str, columns: Columns, order: str) -> Iterator[pa.Table]:
        """Yield a big table in pieces of BLOCK_VALUES values, in the order of the file.

        `order` names one of `columns` to sort by, "" for none.
        """

    def spread(
        self, table: str, columns: Columns, count: int
    ) -> "np.ndarray[Any, np.dtype[np.int64]]":
        """Read about `count` evenly spaced rows: int64 [rows, columns], null as -1."""


def no_rows(columns: Columns) -> pa.Table:
    """Return a table without rows."""
    return pa.schema([pa.field(name, each.type) for name, each in columns.items()]).empty_table()
