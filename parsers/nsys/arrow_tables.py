"""The tables of an Arrow export of Nsight Systems: a folder with a file for each.

`nsys export --type arrowdir` writes each table as one stream of record batches (nsys 2024.2: as a
single batch). The files are memory-mapped, so only the columns that are read leave the disk.
"""

import os
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...store.errors import BadInput
from ..events import int64_column
from ..messages import NSYS_EXPORT_HINT, Refusal
from .cells import BadCells, is_typed
from .columns import BLOCK_VALUES, Column, Columns

_END_OF_STREAM: Final = b"\xff\xff\xff\xff\0\0\0\0"  # Arrow's columnar format, IPC streaming
_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3  # values of MessageHeader
_ENDING: Final = ".arrow"
_SPREAD_PARTS: Final = 16


class ArrowTables:
    """`Tables` of an Arrow export; made by `open_arrow`."""

    def __init__(self, path: Path) -> None:
        self.bad_cells = BadCells()
        self._path = path
        self.tables = frozenset(file.stem for file in path.glob(f"*{_ENDING}"))

    def columns(self, table: str) -> Mapping[str, str]:
        """Names of a table's columns by their lower case; empty for a table that is not there."""
        names = self._map(table).column_names if table in self.tables else ()
        return {name.lower(): name for name in names}

    def read(self, table: str, columns: Columns, order: str) -> pa.Table:
        """Read a whole table."""
        rows = self._map(table)
        if order:
            rows = rows.take(self._sorting(table, Column((order,), pa.int64())))
        return self._converted(table, rows, columns)

    def blocks(self, table: str, columns: Columns, order: str) -> Iterator[pa.Table]:
        """Yield a big table in pieces.

        Each piece maps the file anew and copies its part, so that memory does not grow.
        """
        count, size = self._map(table).num_rows, BLOCK_VALUES // len(columns)
        by = self._sorting(table, columns[order]) if order else None
        for first in range(0, count, size):
            rows = self._map(table)
            piece = rows.slice(first, size) if by is None else rows.take(by[first : first + size])
            yield self._converted(table, piece, columns)

    def spread(
        self, table: str, columns: Columns, count: int
    ) -> "np.ndarray[Any, np.dtype[np.int64]]":
        """Read about `count` evenly spaced rows: int64 [rows, columns], null as -1.

        Each row brings pages around it into memory, so the file is mapped anew every few rows.
        """
        rows = self._map(table).num_rows
        wanted = np.arange(0, rows, max(rows - 1, 0) // count + 1)
        parts = [
            self._converted(table, self._map(table).take(part), columns)
            for part in np.array_split(wanted, _SPREAD_PARTS)
        ]
        found = pa.concat_tables(parts)
        return np.stack([int64_column(found, name) for name in columns], axis=1)

    def _sorting(self, table: str, times: Column) -> Any:
        """Indices that sort by times as SQLite does: null first, equal ones as in the file."""
        name = "|".join(times.sources)
        keys = self._converted(table, self._map(table), {name: times})
        known = np.asarray(keys.column(name).is_valid())
        return np.lexsort((int64_column(keys, name), known))

    def _map(self, table: str) -> pa.Table:
        return _mapped(self._path / f"{table}{_ENDING}")

    def _converted(self, table: str, rows: pa.Table, columns: Columns) -> pa.Table:
        """Rows of a table as the columns asked for."""
        converted = {}
        for name, column in columns.items():
            place = f"{table}.{name}"
            try:
                values = _first_of(rows, column)
            except pa.ArrowException as error:
                raise BadInput(f"{self._path}: {place} cannot be read: {error}") from error
            if not is_typed(values, column.type):
                raise BadInput(f"{self._path}: {place} is {values.type} and not {column.type}")
            converted[name] = self.bad_cells.typed(values, column.type, place)
        return pa.table(converted)


def is_arrow_export(path: Path) -> bool:
    """Whether `path` is a folder with Arrow files."""
    return os.path.isdir(path) and any(path.glob(f"*{_ENDING}"))


def open_arrow(path: Path) -> ArrowTables:
    """Open an Arrow export.

    Raises BadInput where a file of it is not whole, as nsys leaves it when it fails, or is damaged,
    or where a column has a type that nsys is not known to write.
    """
    opened = ArrowTables(path)
    for table in sorted(opened.tables):
        file = path / f"{table}{_ENDING}"
        if not _ends(file):
            raise BadInput(f"{file} {Refusal.CUT_SHORT}")
        _refuse_packed(file)
        _check(_mapped(file), file)
    return opened


def _refuse_packed(file: Path) -> None:
    """Raise BadInput where a file is compressed, which nsys does not do, or has dictionaries.

    Compressed, 100 kB could take the memory of a billion rows.
    """
    try:
        for message in pa.ipc.MessageReader.open_stream(pa.memory_map(str(file))):
            kind, packed = _kind(message.metadata.to_pybytes())
            if packed or kind == _DICTIONARY_BATCH:
                raise BadInput(f"{file} {Refusal.ARROW_PACKED}", hint=NSYS_EXPORT_HINT)
    except (OSError, pa.ArrowException, struct.error) as error:
        raise BadInput(f"{file} cannot be read: {error}") from error


def _kind(message: bytes) -> tuple[int, bool]:
    """Kind of a message of Arrow's format, and whether it is a batch that is compressed.

    It is a flatbuffer (Arrow's Message.fbs): `header_type` and `header` are its second and third
    field, `compression` is the fourth one of a RecordBatch.
    """
    (root,) = struct.unpack_from("<I", message)
    type_place, header_place = (_field(message, root, number) for number in (1, 2))
    if not (type_place and header_place):
        return 0, False
    kind = message[type_place]
    header = header_place + struct.unpack_from("<I", message, header_place)[0]
    return kind, kind == _RECORD_BATCH and _field(message, header, 3) > 0


def _field(message: bytes, table: int, number: int) -> int:
    """Place of a field of a flatbuffer's table; 0 where it is absent."""
    names = table - struct.unpack_from("<i", message, table)[0]
    slot = 2 * (number + 2)
    if slot >= struct.unpack_from("<H", message, names)[0]:
        return 0
    offset = int(struct.unpack_from("<H", message, names + slot)[0])
    return table + offset if offset else 0


def _mapped(file: Path) -> pa.Table:
    try:
        return pa.ipc.open_stream(pa.memory_map(str(file))).read_all()
    except (OSError, pa.ArrowException) as error:
        raise BadInput(f"{file} cannot be read: {error}") from error


def _check(rows: pa.Table, file: Path) -> None:
    """Raise BadInput where a type is unknown, or a column points beyond its own bytes.

    Arrow would crash at the latter. Texts are checked as bytes, since they may be no UTF-8.
    """
    try:
        for field, column in zip(rows.schema, rows.columns, strict=True):
            if not _is_known(field.type):
                raise BadInput(f"{file}: column {field.name} has the unknown type {field.type}")
            is_text = pa.types.is_string(field.type)
            for chunk in column.chunks:
                (chunk.view(pa.binary()) if is_text else chunk).validate(full=True)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise BadInput(f"{file} is damaged: {error}") from error


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


def _first_of(rows: pa.Table, column: Column) -> Any:
    """The first value of each row that is not null, among the sources of a column."""
    values = [_stored(rows.column(source)) for source in column.sources]
    values = [each for each in values if each.null_count < len(each)]  # null may be of any type
    first: Any = pc.coalesce(*values) if values else pa.nulls(rows.num_rows)
    return pa.chunked_array([first])


def _stored(column: "pa.ChunkedArray[Any]") -> Any:
    """Return a copy of a column as one array, with the values that SQLite would store.

    SQLite has integers of 64 bits with a sign, to which nsys casts, no truth values and no NaN.
    """
    values: Any = pa.concat_arrays(column.chunks or [pa.array([], column.type)])
    if pa.types.is_uint64(values.type):
        return values.view(pa.int64())
    if pa.types.is_boolean(values.type):
        return values.cast(pa.int8())
    if pa.types.is_floating(values.type):
        return pc.if_else(pc.is_nan(values), None, values)
    return values
