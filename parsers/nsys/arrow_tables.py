"""The tables of an Arrow export of Nsight Systems: a folder with a file for each.

`nsys export --type arrowdir` writes each table as one stream of record batches (nsys 2024.2: as a
single batch). The files are memory-mapped, so only the columns that are read leave the disk.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...store.errors import BadInput
from ..events import int64_column
from ..messages import Refusal
from .columns import BLOCK_VALUES, Column, Columns, checked

_END_OF_STREAM: Final = b"\xff\xff\xff\xff\0\0\0\0"  # Arrow's columnar format, IPC streaming
_ENDING: Final = ".arrow"


class ArrowTables:
    """`Tables` of an Arrow export; made by `open_arrow`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.tables = frozenset(file.stem for file in path.glob(f"*{_ENDING}"))

    def columns(self, table: str) -> frozenset[str]:
        """Names of a table's columns; empty where the export lacks the table."""
        return frozenset(self.schema(table).names if table in self.tables else ())

    def schema(self, table: str) -> pa.Schema:
        """Names and types of a table's columns. Raises BadInput where the file is damaged."""
        return self._map(table).schema

    def read(self, table: str, columns: Columns, order: str) -> pa.Table:
        """Read a whole table."""
        rows = self._map(table)
        if order:
            rows = rows.take(_sorting(_stored(rows.column(order))))
        return self._convert(table, rows, columns)

    def blocks(self, table: str, columns: Columns, order: str) -> Iterator[pa.Table]:
        """Yield a big table in pieces.

        Each piece maps the file anew, so that the pages of earlier ones do not add up in memory.
        """
        size = BLOCK_VALUES // len(columns)
        if order:
            by = _sorting(self._first_of(self._map(table), columns[order]))
            for first in range(0, len(by), size):
                yield self._convert(table, self._map(table), columns, by[first : first + size])
        else:
            for first in range(0, self._map(table).num_rows, size):
                yield self._convert(table, self._map(table).slice(first, size), columns)

    def spread(
        self, table: str, columns: Columns, count: int
    ) -> "np.ndarray[Any, np.dtype[np.int64]]":
        """Read about `count` evenly spaced rows: int64 [rows, columns], null as -1."""
        rows = self._map(table)
        wanted = np.arange(0, rows.num_rows, max(rows.num_rows - 1, 0) // count + 1)
        found = self._convert(table, rows, columns, wanted)
        return np.stack([int64_column(found, name) for name in columns], axis=1)

    def _map(self, table: str) -> pa.Table:
        file = self._path / f"{table}{_ENDING}"
        try:
            return pa.ipc.open_stream(pa.memory_map(str(file))).read_all()
        except (OSError, pa.ArrowException) as error:
            raise BadInput(f"{file} cannot be read: {error}") from error

    def _convert(
        self, table: str, rows: pa.Table, columns: Columns, wanted: Any = None
    ) -> pa.Table:
        """Rows of a table, or those at `wanted`, as the columns asked for."""
        converted = {}
        for name, column in columns.items():
            values = self._first_of(rows, column)
            values = values if wanted is None else values.take(pa.array(wanted))
            converted[name] = checked(values, column.type, f"{self._path}: {table}.{name}")
        return pa.table(converted)

    def _first_of(self, rows: pa.Table, column: Column) -> Any:
        """The first value of each row that is not null, among the sources of a column."""
        values = [_stored(rows.column(source)) for source in column.sources]
        if not values:
            return pa.chunked_array([pa.nulls(rows.num_rows)])
        return pc.coalesce(*values) if len(values) > 1 else values[0]


def is_arrow_export(path: Path) -> bool:
    """Whether `path` is a folder with Arrow files."""
    return any(path.glob(f"*{_ENDING}"))


def open_arrow(path: Path) -> ArrowTables:
    """Open an Arrow export.

    Raises BadInput where a file of it is not whole, as nsys leaves it when it fails, or where a
    column has a type that nsys is not known to write.
    """
    opened = ArrowTables(path)
    for table in sorted(opened.tables):
        file = path / f"{table}{_ENDING}"
        if not _ends(file):
            raise BadInput(f"{file} {Refusal.CUT_SHORT}")
        for field in opened.schema(table):
            if not _is_known(field.type):
                raise BadInput(f"{file}: column {field.name} has the unknown type {field.type}")
    return opened


def _ends(file: Path) -> bool:
    """Whether a file ends as a stream of record batches does."""
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - len(_END_OF_STREAM)))
        return stream.read() == _END_OF_STREAM


def _is_known(type_: pa.DataType) -> bool:
    return (
        pa.types.is_integer(type_)
        or pa.types.is_floating(type_)
        or pa.types.is_string(type_)
        or pa.types.is_boolean(type_)
    )


def _stored(column: "pa.ChunkedArray[Any]") -> Any:
    """Return a column with the values that SQLite would store.

    It has integers of 64 bits with a sign, to which nsys casts, no truth values and no NaN.
    """
    if pa.types.is_uint64(column.type):
        return pa.chunked_array([chunk.view(pa.int64()) for chunk in column.chunks], pa.int64())
    if pa.types.is_boolean(column.type):
        return column.cast(pa.int8())
    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_nan(column), None, column)
    return column


def _sorting(times: Any) -> Any:
    """Indices that sort times as SQLite does: null first, equal ones in the order of the file."""
    known = np.asarray(times.is_valid())
    return np.lexsort((np.asarray(pc.fill_null(times, 0)), known))
