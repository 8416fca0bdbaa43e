"""`serving_rows.parquet`: rows are added to it, and none is lost."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from ..disk.sync import make_folder
from ..errors import BadInput, shortened
from ..files import has_file, read_bytes, replacing
from ..tables.one_thread import read_in_one_thread
from .serving_row import SERVING_SCHEMA, ServingRow, columns_of_rows

ROWS_FILE: Final = "serving_rows.parquet"
_IDENTITY: Final = ("source", "row_id")
_MOST_BYTES: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class Appended:
    """How many rows were new, and how many took the place of the same measurement."""

    added: int
    replaced: int


def read_rows_table(path: Path) -> pa.Table:
    """Read a table of serving rows, which may have other columns too.

    Raises BadInput where it is no Parquet table, has more than 64 MiB, or does not tell its rows
    apart, and where a column of a row holds another type of value.
    """
    try:
        table = read_in_one_thread(pa.BufferReader(read_bytes(path, _MOST_BYTES)))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise BadInput(
            f"{path} is no Parquet table: {shortened(str(error))}",
            hint="name a folder of rows that moeprof steptime read wrote",
        ) from error
    _check(table, path)
    return table


def check_rows(folder: Path) -> None:
    """Raise BadInput where a folder has a table that rows cannot be added to."""
    path = folder / ROWS_FILE
    if has_file(path):
        read_rows_table(path)


def append_rows(folder: Path, rows: list[ServingRow]) -> Appended:
    """Add rows to the table of a folder, which is written whole; both are made if missing.

    A row of the same `source` and `row_id` is replaced. Columns that only the table has stay. Of
    two processes that append at once, one waits. Raises BadInput where the table that is there is
    none, or cannot be written.
    """
    path, added = folder / ROWS_FILE, _table(rows)
    make_folder(folder)
    with _alone(folder):
        if not has_file(path):
            _write(path, added)
            return Appended(len(rows), 0)
        old = read_rows_table(path)
        kept = _without(old, {(row.source, row.row_id) for row in rows})
        _write(path, pa.concat_tables([kept, added], promote_options="permissive"))
    replaced = old.num_rows - kept.num_rows
    return Appended(len(rows) - replaced, replaced)


def _check(table: pa.Table, path: Path) -> None:
    hint = "name a folder of rows that moeprof steptime read wrote, or a new one"
    if lacking := [key for key in _IDENTITY if key not in table.column_names]:
        raise BadInput(f"{path} is no table of serving rows: it has no {lacking[0]}", hint=hint)
    try:
        pa.concat_tables([table, _table([])], promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise BadInput(
            f"{path} holds another type of value: {shortened(str(error))}", hint=hint
        ) from error


def _table(rows: list[ServingRow]) -> pa.Table:
    return pa.table(columns_of_rows(rows), schema=SERVING_SCHEMA)


def _without(table: pa.Table, names: set[tuple[str, str]]) -> pa.Table:
    columns: list[list[Any]] = [table[key].to_pylist() for key in _IDENTITY]
    keep = [pair not in names for pair in zip(*columns, strict=True)]
    return table.filter(pa.array(keep, type=pa.bool_()))


def _write(path: Path, table: pa.Table) -> None:
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; on a file system without locks, none is held."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:
            pass
        yield
    finally:
        os.close(descriptor)
