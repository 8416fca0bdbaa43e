"""Rows of a big SQLite table as Arrow tables, in blocks, read by several threads.

ADBC's SQLite driver builds the columns without a Python object per value. A table is cut by rowid
into blocks. Blocks are yielded in the order of the file while later ones are being read, so memory
does not grow with the table.
"""

import os
import queue
import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa
from adbc_driver_sqlite import dbapi

from ...store.errors import BadInput
from ..messages import Refusal
from .columns import BLOCK_VALUES, checked

SqlColumns = Mapping[str, tuple[sa.ColumnElement[Any], pa.DataType]]  # name -> expression, type

_MAX_THREADS: Final = 4  # each SQLite cursor decodes about 8 million rows/s
_BATCH: Final = {"adbc.sqlite.query.batch_rows": "8192"}  # small buffers, which malloc reuses


def immutable_uri(path: Path) -> str:
    """URI that makes SQLite read a database without a lock and without files beside it."""
    return f"{path.resolve().as_uri()}?mode=ro&immutable=1"


def check_at_rest(path: Path) -> None:
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
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=0)
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        raise BadInput(f"{path} {Refusal.LOCKED}", hint="wait until that has ended") from error
    finally:
        connection.close()


def read_blocks(
    path: Path,
    table: str,
    columns: SqlColumns,
    rowids: tuple[int, int] | None,
    order: str = "",
    block_values: int = BLOCK_VALUES,
) -> Iterator[pa.Table]:
    """Yield the rows of a table in pieces; each column has its type throughout.

    `rowids` are the first and the last of the table, None where it has none of its own. Rows come
    in the order of the rowids, or sorted by the one of `columns` that `order` names: then one
    thread reads, and SQLite sorts on disk. A block holds about `block_values` values.

    Raises BadInput where a value is not of its column's type, or where the file is damaged.
    """
    query = sa.select(*(sql.label(name) for name, (sql, _) in columns.items()))
    query = query.select_from(sa.table(table))
    if order:
        queries: Iterable[sa.Select[Any]] = [query.order_by(sa.column(order))]
    elif rowids is None or rowids[1] - rowids[0] > path.stat().st_size:
        queries = [query]  # more rowids than bytes in the file: most are unused, so no blocks
    else:
        queries = _by_rowid(query, *rowids, block_values // len(columns))
    texts = (str(each.compile(compile_kwargs={"literal_binds": True})) for each in queries)
    yield from _fetch_all(path, texts, columns, f"{path}: {table}")


def _by_rowid(query: sa.Select[Any], first: int, last: int, rows: int) -> Iterable[sa.Select[Any]]:
    """Cut a query into blocks of `rows` rowids each."""
    rowid: sa.ColumnElement[int] = sa.literal_column("rowid")
    for low in range(first, last + 1, rows):
        yield query.where(rowid.between(low, min(low + rows - 1, last)))


def _fetch_all(
    path: Path, queries: Iterator[str], columns: SqlColumns, where: str
) -> Iterator[pa.Table]:
    """Yield the result of each query in order; threads with a connection each run ahead."""
    threads = min(_MAX_THREADS, len(os.sched_getaffinity(0)))
    idle: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def fetch(sql: str) -> pa.Table:
        connection = idle.get()
        try:
            return _fetch(connection, sql, columns, where)
        finally:
            idle.put(connection)

    with ThreadPoolExecutor(threads) as executor:
        connections = [_connect(path) for _ in range(threads)]
        for connection in connections:
            idle.put(connection)
        try:
            yield from _in_order(executor, fetch, queries, ahead=threads + 1)
        finally:
            executor.shutdown(cancel_futures=True)
            for connection in connections:
                connection.close()


def _in_order(
    executor: ThreadPoolExecutor, fetch: Any, queries: Iterator[str], ahead: int
) -> Iterator[pa.Table]:
    """Yield fetch(query) for each query in order, with at most `ahead` calls submitted."""
    waiting: deque[Future[pa.Table]] = deque()
    for text in queries:
        waiting.append(executor.submit(fetch, text))
        if len(waiting) == ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _connect(path: Path) -> Any:
    return dbapi.connect(immutable_uri(path))


def _fetch(connection: Any, sql: str, columns: SqlColumns, where: str) -> pa.Table:
    try:
        with connection.cursor() as cursor:
            cursor.adbc_statement.set_options(**_BATCH)
            cursor.execute(sql)
            # One Arrow buffer replaces many small ones of the driver: the heap fragments less.
            found = cursor.fetch_arrow_table().combine_chunks()
    except (OSError, dbapi.Error, pa.ArrowException) as error:
        reason = " ".join(str(error).partition("\nquery:")[0].split())
        raise BadInput(f"{where} cannot be read: {reason}") from error
    arrays = [
        checked(column, type_, f"{where}.{name}")
        for column, (name, (_, type_)) in zip(found.columns, columns.items(), strict=True)
    ]
    return pa.table(dict(zip(columns, arrays, strict=True)))
