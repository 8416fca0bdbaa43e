"""Reads and writes the tables of a run as Parquet.

A table is checked against its schema at every write and at every read. A reader refuses a number
that it does not know; a table of an older number that holds all present columns is read.
"""

import errno
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..errors import BadInput, naming, shortened, unknown_schema
from ..files import cannot_read, read_bytes, replacing
from .bounded import read_bounded
from .schemas import (
    METRIC_COLUMNS,
    OLDER_SCHEMAS,
    SCHEMA_KEY,
    SCHEMAS,
    is_amount,
)

_LARGEST: Final = 1e30  # as for rates and work in a model; products of some stay finite
PARSE_AGAIN: Final = "make the tables anew with `moeprof parse RUN`"
# Columns of many different values, which a dictionary would not make smaller.
_DELTAS: Final = frozenset({"start_ns", "duration_ns", "time_ns", "correlation_id"})
_PLAIN: Final = frozenset({*METRIC_COLUMNS, "metric_coverage"})


def table_from_columns(name: str, columns: dict[str, Any]) -> pa.Table:
    """Build table `name`; a column that is not given is null throughout.

    `columns` maps column names to sequences or arrays of one length. Raises KeyError for a column
    that the schema lacks and pa.ArrowInvalid for a value of the wrong type.
    """
    schema = SCHEMAS[name]
    unknown = columns.keys() - set(schema.names)
    if unknown:
        raise KeyError(f"table {name} has no column {sorted(unknown)[0]!r}")
    length = len(next(iter(columns.values()))) if columns else 0
    arrays: list[Any] = []
    for field in schema:
        type_: Any = field.type
        given = columns.get(field.name)
        arrays.append(pa.nulls(length, type_) if given is None else pa.array(given, type=type_))
    return pa.table(arrays, schema=schema)


def write_table(path: Path, name: str, table: pa.Table) -> None:
    """Write table `name` as Parquet, whole. Raises ValueError if the columns are not the schema's.

    Raises BadInput where `path` cannot be written.
    """
    with replacing(path) as temporary, parquet_file(temporary, name) as file:
        file.write_table(checked(name, table))


@contextmanager
def parquet_file(path: Path, name: str) -> Iterator[pq.ParquetWriter]:
    """Open the file of table `name` to be written, in the encoding that keeps it small."""
    schema = SCHEMAS[name]
    deltas = {
        field.name: "DELTA_BINARY_PACKED"
        for field in schema
        if field.name in _DELTAS and pa.types.is_integer(field.type)
    }
    words = [name for name in schema.names if name not in deltas.keys() | _PLAIN]
    with (
        _opened(path, "wb") as file,
        pq.ParquetWriter(
            file,
            schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=words,  # type: ignore[arg-type]
            column_encoding=deltas,
        ) as writer,
    ):
        yield writer


def _opened(path: Path, mode: str) -> Any:
    """Open a file by its bytes: pyarrow writes a name as UTF-8, which it need not be."""
    return pa.OSFile(os.fsencode(path), mode)  # type: ignore[arg-type]


def file_metadata(path: Path) -> Mapping[str, str]:
    """What a Parquet file says of itself beside its schema; nothing where it cannot be read."""
    try:
        with _opened(path, "rb") as file:
            said = pq.read_metadata(file).metadata or {}
    except (pa.ArrowException, OSError):
        return {}
    return {
        name.decode(errors="replace"): text.decode(errors="replace") for name, text in said.items()
    }


def checked(name: str, table: pa.Table) -> pa.Table:
    """Give a table as it is. Raises ValueError if its columns are not those of table `name`."""
    if not table.schema.equals(SCHEMAS[name]):
        raise ValueError(f"this is no table {name}: {table.schema.names}")
    return table


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table, with the sha256 of the file that it was read from."""

    table: pa.Table
    sha256: str


def read_stored(path: Path, name: str) -> StoredTable:
    """Read table `name` and the digest of its file, both of the same moment.

    Raises BadInput as `read_table` does.
    """
    with naming(hint=PARSE_AGAIN):
        content = read_bytes(path)
    table = _read(pa.BufferReader(content), path, name)
    return StoredTable(table, hashlib.sha256(content).hexdigest())


def read_table(path: Path, name: str) -> pa.Table:
    """Read table `name` from Parquet; of an older number, as the present one (schemas.py).

    Raises BadInput where the file is missing, is no Parquet, holds another table or a number that
    is unknown, or a quantity that is not finite or negative.
    """
    try:
        with _opened(path, "rb") as file:
            return _read(file, path, name)
    except FileNotFoundError:
        raise BadInput(f"{path} does not exist", hint=PARSE_AGAIN) from None
    except PermissionError as error:
        denied = PermissionError(error.errno, os.strerror(error.errno or errno.EACCES))
        raise cannot_read(path, denied) from error  # Arrow's own words hold the path twice
    except OSError as error:
        raise _no_table(path, error) from error


def _no_table(path: Path, error: Exception) -> BadInput:
    why = shortened(str(error).partition("\n")[0], longest=200)
    return BadInput(f"{path} is not a Parquet table: {why}", hint=PARSE_AGAIN)


def _read(file: Any, path: Path, name: str) -> pa.Table:
    """Read table `name` from an open file and check it; `path` is named where it is refused."""
    schema = SCHEMAS[name]
    try:
        columns = _check_schema(path, name, pq.read_schema(file))
        file.seek(0)
        with naming(path, hint=PARSE_AGAIN):
            table = read_bounded(path, file, columns)
        table.validate(full=True)  # a text may hold bytes that are no UTF-8
    except pa.ArrowException as error:
        raise _no_table(path, error) from error
    table = _with_new_columns(table, schema)
    _check_values(path, table)
    return table


def _with_new_columns(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The columns of `schema`, in its order; those that a table lacks are null."""
    columns = [
        table[field.name]
        if field.name in table.column_names
        else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _check_schema(path: Path, name: str, found: pa.Schema) -> list[str]:
    """Give the columns that are read of a file of this schema.

    Raises BadInput where it is no table `name` that can be read.
    """
    schema = SCHEMAS[name]
    metadata, of_schema = found.metadata or {}, schema.metadata or {}
    number = metadata.get(SCHEMA_KEY, b"no moeprof table").decode(errors="replace")
    known = of_schema[SCHEMA_KEY].decode()
    is_older = number != known
    if is_older and (number.split("/")[0] != name or number not in OLDER_SCHEMAS):
        raise unknown_schema(path, number, known, way_out=PARSE_AGAIN)
    new = OLDER_SCHEMAS.get(number, frozenset())
    expected = pa.schema([field for field in schema if field.name not in new])
    there = [field for field in found if not is_older or field.name in expected.names]
    if not pa.schema(there).equals(expected):
        raise BadInput(
            f"{path} calls itself {number} and has other columns",
            hint=PARSE_AGAIN,
        )
    return list(expected.names)


def _check_values(path: Path, table: pa.Table) -> None:
    """Raise BadInput, naming column and row, for a number that is not finite or cannot be."""
    for name, values in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_floating(values.type):
            _require(path, name, values, pc.is_finite(values), "finite: what is unknown is null")
            small = pc.less_equal(pc.abs(values), pa.scalar(_LARGEST, values.type))
            _require(path, name, values, small, f"{_LARGEST:g} at most")
        if is_amount(name):
            zero = pa.scalar(0, values.type)
            _require(path, name, values, pc.greater_equal(values, zero), "0 or more")


def _require(path: Path, name: str, values: Any, holds: Any, rule: str) -> None:
    """Raise BadInput where `holds`, which is null for a null value, is False."""
    row = pc.index(holds, pa.scalar(False)).as_py()
    if row >= 0:
        raise BadInput(
            f"{path} has {name} {values[row].as_py()} in its row {row + 1}, and it must be {rule}",
            hint=PARSE_AGAIN,
        )
