"""What both forms of an nsys export give: tables with columns that have one Arrow type each.

The SQLite export (sqlite_tables.py) and the Arrow export (arrow_tables.py) hold the same tables,
columns and rows, and give equal pieces of them.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import pyarrow as pa

from ...store.errors import BadInput

BLOCK_VALUES: Final = 524_288  # values in a piece of a big table


class Column(NamedTuple):
    """A column to read: the first of `sources` that is not null; all null where there is none."""

    sources: tuple[str, ...]
    type: pa.DataType


Columns = Mapping[str, Column]  # by the name that the column gets


class Tables(Protocol):
    """The tables of an export; every `sources` names columns that the table has.

    Each method raises BadInput where a value is not of its column's type, or the file is damaged.
    """

    tables: frozenset[str]

    def columns(self, table: str) -> frozenset[str]:
        """Names of a table's columns; empty where the export lacks the table."""

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


def checked(column: "pa.ChunkedArray[Any]", type_: pa.DataType, where: str) -> Any:
    """Return a column as `type_`; in SQLite any column may hold values of any type.

    Raises BadInput where a value is of another type, or out of its range.
    """
    try:
        number = pa.types.is_floating(type_)
        if column.null_count == len(column):
            nulls: Any = pa.nulls(len(column), type_)  # type: ignore[call-overload]
            return pa.chunked_array([nulls])
        if column.type == type_:
            if pa.types.is_string(type_):
                column.validate(full=True)  # text may be no UTF-8
            return column
        if pa.types.is_integer(column.type) and (number or pa.types.is_integer(type_)):
            return column.cast(type_, safe=not number)
        if pa.types.is_floating(column.type) and number:
            return column.cast(type_)
        reason = f"it holds {column.type}"
    except pa.ArrowException as error:
        reason = str(error)
    raise BadInput(f"{where} is not {type_} throughout: {reason}")
