"""What lies in the folder of a log as Parquet: its parts and its journal (parquet_log.py)."""

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ...store.errors import BadInput
from .row import SCHEMA, columns

if TYPE_CHECKING:
    import pyarrow as pa

JOURNAL: Final = "_rows.arrows"  # readers of a folder of Parquet pass over what begins with "_"
_SCHEMA_KEY: Final = b"moeprof.schema"  # as in every table of moeprof (store/tables/schemas.py)
_PART_KEY: Final = b"moeprof.part"


def read_metrics(folder: Path) -> "pa.Table":
    """All rows of a log as Parquet, also while it is written or after its writer was killed.

    Raises BadInput where the folder holds no log, or parts of another schema.
    """
    import pyarrow as pa

    part, rows = read_journal(folder)  # first: what becomes a part meanwhile is known by its name
    found = parts(folder)
    if not found and not (folder / JOURNAL).exists():
        raise BadInput(f"{folder} holds no log of {SCHEMA}", hint="name the folder of a log")
    tables = [_read_part(path) for path in found]
    if part not in {path.name for path in found}:
        tables.append(rows)
    return pa.concat_tables(tables)


def _read_part(path: Path) -> "pa.Table":
    import pyarrow as pa

    from ...store.tables.one_thread import read_in_one_thread

    check_schema(path)
    with pa.OSFile(os.fsencode(path), "rb") as file:  # type: ignore[arg-type]
        return read_in_one_thread(file)


def part_path(folder: Path, number: int) -> Path:
    """The path of a part by its number."""
    return folder / f"part-{number:06d}.parquet"


def parts(folder: Path) -> list[Path]:
    """The parts of a log, in order."""
    named = [path for path in folder.glob("part-*.parquet") if path.stem[5:].isdecimal()]
    return sorted(named, key=part_number)


def part_number(path: Path) -> int:
    """The number of a part."""
    return int(path.stem.removeprefix("part-"))


def arrow_schema(part: str | None = None) -> "pa.Schema":
    """The schema of the rows, with its name and number; of a journal, with its part's name."""
    import pyarrow as pa

    types: dict[type, Any] = {
        int: pa.int64(), float: pa.float64(), str: pa.string(), list: pa.list_(pa.int64()),
    }  # fmt: skip
    named = [pa.field(name, types[kind]) for name, kind in columns().items()]
    metadata: dict[bytes | str, bytes | str] = {_SCHEMA_KEY: SCHEMA.encode()}
    if part is not None:
        metadata[_PART_KEY] = part.encode()
    return pa.schema(named, metadata=metadata)


def read_journal(folder: Path) -> "tuple[str | None, pa.Table]":
    """The name of the part that a journal is to become, and all rows of it that are whole.

    None, and no rows, where there is none or not even its beginning is whole.
    """
    import pyarrow as pa

    whole: list[Any] = []
    try:
        with pa.OSFile(os.fsencode(folder / JOURNAL), "rb") as file:  # type: ignore[arg-type]
            stream = pa.ipc.open_stream(file)
            metadata = stream.schema.metadata
            schema = stream.schema.with_metadata({_SCHEMA_KEY: metadata[_SCHEMA_KEY]})
            part = metadata[_PART_KEY].decode()
            _take_whole(stream, whole)
    except (pa.ArrowException, FileNotFoundError, KeyError, TypeError):
        return None, arrow_schema().empty_table()
    batches = [pa.RecordBatch.from_arrays(batch.columns, schema=schema) for batch in whole]
    return part, pa.Table.from_batches(batches, schema)


def _take_whole(stream: Any, batches: list[Any]) -> None:
    """Take the batches of a stream up to the first that is not whole."""
    import pyarrow as pa

    with suppress(pa.ArrowException, OSError):
        for batch in stream:
            batches.append(batch)


def check_schema(path: Path) -> None:
    """Raise BadInput for a part of another schema, or one that cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pa.OSFile(os.fsencode(path), "rb") as file:  # type: ignore[arg-type]
            found = (pq.read_schema(file).metadata or {}).get(_SCHEMA_KEY, b"no log")
    except pa.ArrowException:
        found = b"no Parquet"
    if found != SCHEMA.encode():
        raise BadInput(
            f"{path} is {found.decode(errors='replace')}, and this moeprof writes {SCHEMA}",
            hint="name another folder for the log",
        )
