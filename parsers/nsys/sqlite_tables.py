"""The tables of an SQLite export of Nsight Systems, opened read-only."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ...store.errors import BadInput
from ..messages import NSYS_EXPORT_HINT, Refusal
from ..sqlite_file import QueryLimit, SqliteFile, open_sqlite_file, quoted
from .cells import BadCells
from .columns import BLOCK_VALUES, Column, Columns
from .sqlite_rows import Source, SqlColumns, check_at_rest, read_blocks


class SqliteTables:
    """`Tables` of one open database; made by `open_sqlite`."""

    def __init__(self, file: SqliteFile) -> None:
        self.bad_cells = BadCells()
        self.tables = file.tables
        self._file = file
        file.connection.text_factory = self.bad_cells.decoded

    def columns(self, table: str) -> Mapping[str, str]:
        """Names of a table's columns by their lower case; empty for a table that is not there."""
        return {name.lower(): name for name in self._file.columns(table)}

    def read(self, table: str, columns: Columns, order: str) -> pa.Table:
        """Read a small table: every value becomes a Python object."""
        query = f"SELECT {', '.join(map(_sql, columns.values()))} FROM {quoted(table)}"
        if order:
            query += f" ORDER BY {quoted(order)}"
        self._file.check_pages(table)
        rows = self._file.rows(query)
        values = zip(*rows, strict=True) if rows else [()] * len(columns)
        return pa.table(
            {
                name: self.bad_cells.converted(each, column.type, f"{table}.{name}")
                for (name, column), each in zip(columns.items(), values, strict=True)
            }
        )

    def blocks(self, table: str, columns: Columns, order: str) -> Iterator[pa.Table]:
        """Yield a big table in pieces, as `sqlite_rows.read_blocks` does."""
        if any(pa.types.is_string(each.type) for each in columns.values()):
            self._file.check_pages(table)  # a block of numbers has no more rows than it has rowids
        sql: SqlColumns = {name: (_sql(each), each.type) for name, each in columns.items()}
        source = Source(self._file, table, self._rowids(table), self.bad_cells)
        return read_blocks(source, sql, order, BLOCK_VALUES)

    def spread(
        self, table: str, columns: Columns, count: int
    ) -> "np.ndarray[Any, np.dtype[np.int64]]":
        """Read about `count` evenly spaced rows: int64 [rows, columns], null as -1."""
        rowids = self._rowids(table)
        if not rowids:
            return np.zeros((0, len(columns)), dtype=np.int64)
        step = (rowids[1] - rowids[0]) // count + 1
        wanted = ", ".join(map(str, range(rowids[0], rowids[1] + 1, step)))
        values = ", ".join(f"ifnull({_sql(each)}, -1)" for each in columns.values())
        found = self._file.rows(f"SELECT {values} FROM {quoted(table)} WHERE rowid IN ({wanted})")
        rows = [row for row in found if all(type(value) is int for value in row)]
        return np.asarray(rows, dtype=np.int64).reshape(-1, len(columns))

    def _rowids(self, table: str) -> tuple[int, int] | None:
        """First and last rowid of a table; None where it is empty or has no rowids of its own."""
        if not self._file.has_rowid(table):
            return None
        # Two queries: SQLite looks up a single min or max by index, but scans for both at once.
        ends = (f"SELECT {end}(rowid) FROM {quoted(table)}" for end in ("min", "max"))
        try:
            ((first,),), ((last,),) = map(self._file.rows, ends)
        except sqlite3.OperationalError:  # a table WITHOUT ROWID
            return None
        return None if first is None else (first, last)


@contextmanager
def open_sqlite(path: Path) -> Iterator[SqliteTables]:
    """Open a database read-only, without SQLite's own files beside it.

    Raises BadInput where the file is missing, is no intact SQLite database, or is being written.
    """
    if not path.is_file():
        raise BadInput(f"{path} {Refusal.MISSING}", hint=NSYS_EXPORT_HINT)
    limit = QueryLimit.of(path)
    try:
        check_at_rest(path, limit)
        with open_sqlite_file(path, limit) as file:
            yield SqliteTables(file)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise BadInput(
            f"{path} {Refusal.UNREADABLE_DATABASE}: {reason}", hint=NSYS_EXPORT_HINT
        ) from error


def _sql(column: Column) -> str:
    names = [quoted(name) for name in column.sources]
    return f"coalesce({', '.join(names)})" if len(names) > 1 else (names or ["NULL"])[0]
