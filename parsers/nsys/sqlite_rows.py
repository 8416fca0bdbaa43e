"""Rows of a big SQLite table as Arrow tables, in blocks, read by several threads.

ADBC's SQLite driver builds the columns without a Python object per value. A table is cut by rowid
into blocks. Blocks are yielded in the order of the file while later ones are being read, so memory
does not grow with the table.
"""

import os
import queue
import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
from adbc_driver_sqlite import dbapi

from ...store.errors import BadInput
from ..messages import Refusal
from ..sqlite_file import (
    UNTRUSTED,
    QueryLimit,
    SqliteFile,
    connect,
    immutable_uri,
    open_sqlite_file,
    quoted,
)
from .cells import BadCells, is_typed
from .columns import BLOCK_VALUES

SqlColumns = Mapping[str, tuple[str, pa.DataType]]  # name -> expression, type

_MAX_THREADS: Final = 4  # each SQLite cursor decodes about 8 million rows/s
_BATCH: Final = {"adbc.sqlite.query.batch_rows": "8192"}  # small buffers, which malloc reuses


def check_at_rest(path: Path, limit: QueryLimit) -> None:
    """Refuse a database that is locked, or whose latest changes are in a file beside it.

    Raises BadInput, or sqlite3.Error where it cannot be read at all.
    """
    for ending in ("-wal", "-journal"):
        beside = path.with_name(path.name + ending)
        if beside.is_file() and beside.stat().st_size:
            raise BadInput(
                f"{path} {Refusal.CHANGES_BESIDE} {beside.name} beside it",
                hint="let its writer end, or open and close it once with sqlite3",
            )
    with path.open("rb") as file:
        keeps_wal = file.read(20)[18:] == b"\2\2"
    if keeps_wal:  # no -wal file means no writer; to open it would create files beside it
        return
    try:
        with open_sqlite_file(path, limit, f"{path.resolve().as_uri()}?mode=ro"):
            pass
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        raise BadInput(f"{path} {Refusal.LOCKED}", hint="wait until that has ended") from error


class Source(NamedTuple):
    """A table to read: `rowids` are its first and last, None where it has none of its own."""

    file: SqliteFile
    table: str
    rowids: tuple[int, int] | None
    bad_cells: BadCells


class _Block(NamedTuple):
    """A query for `rows` rows at most, and those rows in words."""

    sql: str
    rows: int
    words: str


def read_blocks(
    source: Source, columns: SqlColumns, order: str = "", block_values: int = BLOCK_VALUES
) -> Iterator[pa.Table]:
    """Yield the rows of a table in pieces; each column has its type throughout.

    Rows come in the order of the rowids, or sorted by the one of `columns` that `order` names: then
    one thread reads, and SQLite sorts on disk. A block holds about `block_values` values. A value
    that is not of its column's type is null and counted in `source.bad_cells`.

    Raises BadInput where the file is damaged.
    """
    listed = ", ".join(f"{sql} AS {quoted(name)}" for name, (sql, _) in columns.items())
    query = f"SELECT {listed} FROM {quoted(source.table)}"
    rowids, rows = source.rowids, max(1, block_values // len(columns))
    if order:
        yield from _streamed(source, f"{query} ORDER BY {quoted(order)}", columns, rows)
    elif rowids is None or rowids[1] - rowids[0] > source.file.path.stat().st_size:
        yield from _streamed(source, query, columns, rows)  # most rowids are unused
    else:
        yield from _fetch_all(source, _by_rowid(query, *rowids, rows), columns)


def _by_rowid(query: str, first: int, last: int, rows: int) -> Iterator[_Block]:
    """Cut a query into blocks of `rows` rowids each."""
    for low in range(first, last + 1, rows):
        high = min(low + rows - 1, last)
        sql = f"{query} WHERE rowid BETWEEN {low} AND {high} LIMIT {rows + 1}"
        yield _Block(sql, rows, f"rows {low} to {high}")


def _streamed(source: Source, sql: str, columns: SqlColumns, rows: int) -> Iterator[pa.Table]:
    """Yield the rows of one query, which ends with Ctrl-C or its limit; ADBC's would not."""
    try:
        for piece in source.file.pieces(sql, rows):
            yield _table(piece, columns, source)
    except sqlite3.Error as error:
        raise _damage(source, "a row", error) from error


def _fetch_all(source: Source, blocks: Iterable[_Block], columns: SqlColumns) -> Iterator[pa.Table]:
    """Yield the rows of each block in order; threads with a connection each run ahead."""
    threads = min(_MAX_THREADS, len(os.sched_getaffinity(0)))
    idle: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def fetch(block: _Block) -> pa.Table:
        connection = idle.get()
        try:
            found = _fetch(connection, block, columns, source)
        finally:
            idle.put(connection)
        return _fetch_cells(source, block, columns) if found is None else found

    with ThreadPoolExecutor(threads) as executor:
        connections = [_connect(source.file.path) for _ in range(threads)]
        for connection in connections:
            idle.put(connection)
        try:
            yield from _in_order(executor, fetch, blocks, ahead=threads + 1)
        finally:
            executor.shutdown(cancel_futures=True)
            for connection in connections:
                connection.close()


def _in_order(
    executor: ThreadPoolExecutor, fetch: Any, blocks: Iterable[_Block], ahead: int
) -> Iterator[pa.Table]:
    """Yield fetch(block) for each block in order, with at most `ahead` calls submitted."""
    waiting: deque[Future[pa.Table]] = deque()
    for block in blocks:
        waiting.append(executor.submit(fetch, block))
        if len(waiting) == ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _connect(path: Path) -> Any:
    connection = dbapi.connect(immutable_uri(path))
    with connection.cursor() as cursor:
        for pragma in UNTRUSTED:
            cursor.execute(f"PRAGMA {pragma}")
    return connection


def _fetch(connection: Any, block: _Block, columns: SqlColumns, source: Source) -> pa.Table | None:
    """Read rows as whole columns; None where a column holds values of another type."""
    try:
        with connection.cursor() as cursor:
            cursor.adbc_statement.set_options(**_BATCH)
            cursor.execute(block.sql)
            # One Arrow buffer replaces many small ones of the driver: the heap fragments less.
            found = cursor.fetch_arrow_table().combine_chunks()
    except (OSError, dbapi.Error, pa.ArrowException):
        return None
    _check_count(source, block, found.num_rows)
    types = {name: type_ for name, (_, type_) in columns.items()}
    pairs = list(zip(found.columns, types.values(), strict=True))
    if not all(is_typed(column, type_) for column, type_ in pairs):
        return None
    return pa.table(
        {
            name: source.bad_cells.typed(column, type_, f"{source.table}.{name}")
            for name, (column, type_) in zip(types, pairs, strict=True)
        }
    )


def _fetch_cells(source: Source, block: _Block, columns: SqlColumns) -> pa.Table:
    """Read rows cell by cell. Raises BadInput where the file is damaged."""
    try:
        with closing(connect(immutable_uri(source.file.path))) as connection:
            connection.text_factory = source.bad_cells.decoded
            rows = connection.execute(block.sql).fetchall()
    except sqlite3.Error as error:
        raise _damage(source, block.words, error) from error
    _check_count(source, block, len(rows))
    return _table(rows, columns, source)


def _table(rows: Sequence[Any], columns: SqlColumns, source: Source) -> pa.Table:
    """Rows of Python values as columns."""
    values = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    return pa.table(
        {
            name: source.bad_cells.converted(cells, type_, f"{source.table}.{name}")
            for cells, (name, (_, type_)) in zip(values, columns.items(), strict=True)
        }
    )


def _check_count(source: Source, block: _Block, rows: int) -> None:
    """Raise BadInput where a block has more rows than rowids: pages of the file are used twice."""
    if rows > block.rows:
        raise _damage(source, block.words, "a rowid stands there twice")


def _damage(source: Source, rows: str, why: object) -> BadInput:
    return BadInput(
        f"{source.file.path}: {rows} of {source.table} cannot be read: {why}",
        hint="copy the file again, or export the report again with `nsys export --type sqlite`",
    )
