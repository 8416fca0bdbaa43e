"""The tables of an SQLite export of Nsight Systems, opened read-only."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from ...store.errors import BadInput
from ..messages import NSYS_EXPORT_HINT, Refusal
from .cells import BadCells, is_typed
from .columns import Column, Columns
from .sqlite_rows import Source, check_at_rest, immutable_uri, read_blocks


class SqliteTables:
    """`Tables` of one open database; made by `open_sqlite`."""

    def __init__(self, path: Path, connection: sa.Connection) -> None:
        self.bad_cells = BadCells()
        self._path = path
        self._connection = connection
        raw: Any = connection.connection.dbapi_connection
        raw.text_factory = self.bad_cells.decoded
        tables = connection.execute(
            sa.select(sa.column("name", sa.String))
            .select_from(sa.table("sqlite_master"))
            .where(sa.literal_column("type") == "table")
        )
        self.tables = frozenset(tables.scalars())

    def columns(self, table: str) -> Mapping[str, str]:
        """Names of a table's columns by their lower case; empty for a table that is not there."""
        rows = self._connection.execute(
            sa.select(sa.column("name", sa.String)).select_from(sa.func.pragma_table_info(table))
        )
        return {name.lower(): name for name in rows.scalars()}

    def read(self, table: str, columns: Columns, order: str) -> pa.Table:
        """Read a small table: every value becomes a Python object."""
        query = sa.select(*(_sql(each).label(name) for name, each in columns.items()))
        query = query.select_from(sa.table(table))
        if order:
            query = query.order_by(sa.column(order))
        rows = self._connection.execute(query).fetchall()
        values = zip(*rows, strict=True) if rows else [()] * len(columns)
        return pa.table(
            {
                name: self._array(each, column.type, f"{table}.{name}")
                for (name, column), each in zip(columns.items(), values, strict=True)
            }
        )

    def blocks(self, table: str, columns: Columns, order: str) -> Iterator[pa.Table]:
        """Yield a big table in pieces, as `sqlite_rows.read_blocks` does."""
        sql = {name: (_sql(each), each.type) for name, each in columns.items()}
        source = Source(self._path, table, self._rowids(table), self.bad_cells)
        return read_blocks(source, sql, order)

    def spread(
        self, table: str, columns: Columns, count: int
    ) -> "np.ndarray[Any, np.dtype[np.int64]]":
        """Read about `count` evenly spaced rows: int64 [rows, columns], null as -1."""
        rowids = self._rowids(table)
        if not rowids:
            return np.zeros((0, len(columns)), dtype=np.int64)
        step = (rowids[1] - rowids[0]) // count + 1
        wanted = range(rowids[0], rowids[1] + 1, step)
        query = (
            sa.select(*(sa.func.ifnull(_sql(each), -1) for each in columns.values()))
            .select_from(sa.table(table))
            .where(sa.literal_column("rowid").in_(wanted))
        )
        rows = [row for row in self._connection.execute(query) if all(type(v) is int for v in row)]
        return np.asarray([tuple(row) for row in rows], dtype=np.int64).reshape(-1, len(columns))

    def _array(self, values: Sequence[Any], type_: pa.DataType, place: str) -> Any:
        try:
            column = pa.chunked_array([pa.array(values)])
        except (pa.ArrowException, TypeError, OverflowError):
            return self.bad_cells.mended(values, type_, place)
        if is_typed(column, type_):
            return self.bad_cells.typed(column, type_, place)
        return self.bad_cells.mended(values, type_, place)

    def _rowids(self, table: str) -> tuple[int, int] | None:
        """First and last rowid of a table; None where it is empty or has no rowids of its own."""
        if "rowid" in self.columns(table):
            return None
        rowid: sa.ColumnElement[int] = sa.literal_column("rowid")
        # Two queries: SQLite looks up a single min or max by index, but scans for both at once.
        ends = [
            sa.select(end(rowid)).select_from(sa.table(table)) for end in (sa.func.min, sa.func.max)
        ]
        try:
            first, last = (self._connection.execute(end).scalar_one() for end in ends)
        except sa.exc.OperationalError:  # a table WITHOUT ROWID
            return None
        return None if first is None else (first, last)


@contextmanager
def open_sqlite(path: Path) -> Iterator[SqliteTables]:
    """Open a database read-only, without SQLite's own files beside it.

    Raises BadInput where the file is missing, is no intact SQLite database, or is being written.
    """
    if not path.is_file():
        raise BadInput(f"{path} {Refusal.MISSING}", hint=NSYS_EXPORT_HINT)
    engine = sa.create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(immutable_uri(path), uri=True, check_same_thread=False),
        poolclass=StaticPool,
    )
    try:
        check_at_rest(path)
        with engine.connect() as connection:
            yield SqliteTables(path, connection)
    except (sa.exc.DBAPIError, sqlite3.Error, UnicodeDecodeError) as error:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())
        raise BadInput(
            f"{path} {Refusal.UNREADABLE_DATABASE}: {reason}", hint=NSYS_EXPORT_HINT
        ) from error
    finally:
        engine.dispose()


def _sql(column: Column) -> sa.ColumnElement[Any]:
    columns: list[Any] = [sa.column(name) for name in column.sources]
    return sa.func.coalesce(*columns) if len(columns) > 1 else columns[0] if columns else sa.null()
