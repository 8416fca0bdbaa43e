"""An SQLite file from anyone: only its plain tables are read, and each query ends.

SQLite's advice for such files (sqlite.org/security.html) is followed where it applies to reading: a
schema that is not trusted, cells that are checked, no mapped memory. A view may be a loop without
an end, a virtual table runs code, and a damaged tree of pages may lead to the same page for ever:
so a query has a limit, and runs in a thread, so that Ctrl-C ends it.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Any, Final, TypeVar

from ..store.errors import BadInput, shortened
from .messages import NSYS_EXPORT_HINT, Refusal

UNTRUSTED: Final = ("trusted_schema = OFF", "cell_size_check = ON", "mmap_size = 0")
_LONGEST_DEFAULT: Final = 32  # characters: any number
_LONGEST_VALUE_BYTES: Final = 1 << 26  # names of kernels take some kB
_LEAST_S: Final = 5.0
_SLOWEST_BYTES_PER_S: Final = 1e6
_LOOK_S: Final = 0.1
_ASKED_AGAIN_S: Final = 0.05
# A virtual table has no pages of its own; the others are views, indexes and triggers.
PLAIN_TABLES: Final = (
    "SELECT name FROM {schema}.sqlite_master WHERE type = 'table' AND rootpage > 0"
)
T = TypeVar("T")


def immutable_uri(path: Path) -> str:
    """URI that makes SQLite read a database without a lock and without files beside it."""
    return f"{path.resolve().as_uri()}?mode=ro&immutable=1"


@dataclass(slots=True)
class QueryLimit:
    """The CPU time in s that is left to the queries of one file.

    Time would count what a busy machine or a slow disk takes, and refuse an intact file.
    """

    path: Path
    left_s: float

    @classmethod
    def of(cls, path: Path) -> "QueryLimit":
        """Five seconds, and one more per megabyte: reading takes a tenth of that or less."""
        return cls(path, _LEAST_S + path.stat().st_size / _SLOWEST_BYTES_PER_S)

    def run(self, connection: sqlite3.Connection, query: Callable[[], T]) -> T:
        """Return what `query` returns, which uses `connection` alone.

        Raises BadInput where no time is left. The query has ended when this returns or raises.
        """
        began_s = process_time()
        with ThreadPoolExecutor(1) as thread:
            future = thread.submit(query)
            try:
                while not wait([future], _LOOK_S).done:
                    if process_time() - began_s > self.left_s:
                        raise BadInput(f"{self.path} {Refusal.ENDLESS}", hint=NSYS_EXPORT_HINT)
                return future.result()
            finally:
                _interrupt(connection, future)
                self.left_s -= process_time() - began_s


def _interrupt(connection: sqlite3.Connection, future: "Future[Any]") -> None:
    """End a query, if it runs; asked for once, it would miss one that is only beginning."""
    while not future.done():
        connection.interrupt()
        wait([future], _ASKED_AGAIN_S)


class SqliteFile:
    """One open database; made by `open_sqlite_file`. `tables` are the plain ones."""

    def __init__(self, path: Path, connection: sqlite3.Connection, limit: QueryLimit) -> None:
        self.path = path
        self.connection = connection
        self.limit = limit
        self.tables = frozenset(name for (name,) in self.rows(PLAIN_TABLES.format(schema="main")))

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        """Rows of a query. Raises sqlite3.Error, or BadInput where it takes too long."""
        return self.limit.run(
            self.connection, lambda: self.connection.execute(sql, values).fetchall()
        )

    def pieces(self, sql: str, size: int) -> Iterator[list[Any]]:
        """Yield the rows of a query, `size` at a time. Raises as `rows` does."""
        cursor = self.limit.run(self.connection, lambda: self.connection.execute(sql))
        while piece := self.limit.run(self.connection, lambda: cursor.fetchmany(size)):
            yield piece

    def columns(self, table: str) -> list[str]:
        """Names of a table's columns that hold stored values; none for a table that is not there.

        Raises BadInput where the name is that of a view or of a virtual table, or where a column
        has a long default: a file of 1 MB may repeat it for each of a million rows.
        """
        found = self.rows("SELECT name, dflt_value FROM pragma_table_info(?)", [table])
        if found and table.lower() not in map(str.lower, self.tables):
            raise BadInput(f"{self.path}: {table} {Refusal.NO_PLAIN_TABLE}", hint=NSYS_EXPORT_HINT)
        for name, default in found:
            if len(default or "") > _LONGEST_DEFAULT:
                raise BadInput(
                    f"{self.path}: column {shortened(name)!r} of {table} {Refusal.LONG_DEFAULT}",
                    hint=NSYS_EXPORT_HINT,
                )
        return [name for name, _ in found]

    def has_rowid(self, table: str) -> bool:
        """Whether "rowid" is the number of a row in this table, and not a column's name."""
        names = self.rows("SELECT lower(name) FROM pragma_table_xinfo(?)", [table])
        return ("rowid",) not in names

    def check_pages(self, table: str) -> None:
        """Raise sqlite3.DatabaseError where the pages of a table are no tree.

        Pages that are used twice make more rows and longer texts than the file has bytes.
        """
        for (fault,) in self.rows(f"PRAGMA quick_check({quoted(table)})"):
            if fault.startswith("*** in database"):
                raise sqlite3.DatabaseError(fault.splitlines()[-1])


@contextmanager
def open_sqlite_file(path: Path, limit: QueryLimit, uri: str = "") -> Iterator[SqliteFile]:
    """Open a database read-only, without a lock unless `uri` says otherwise.

    Raises sqlite3.Error where it is none, or BadInput where its list of tables has no end.
    """
    with closing(connect(uri or immutable_uri(path))) as connection:
        yield SqliteFile(path, connection, limit)


def connect(uri: str) -> sqlite3.Connection:
    """Open a database for one thread at a time; nothing that it says is trusted."""
    connection = sqlite3.connect(
        uri, uri=True, timeout=0, check_same_thread=False, isolation_level=None
    )
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE_BYTES)
    for pragma in UNTRUSTED:
        connection.execute(f"PRAGMA {pragma}")
    return connection


def quoted(name: str) -> str:
    """A name of a table or column in SQL."""
    return '"{}"'.format(name.replace('"', '""'))
