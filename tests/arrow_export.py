"""The Arrow export of a synthetic nsys export: the same rows, in types as of nsys 2024.2."""

import sqlite3
from pathlib import Path
from typing import Any

import pyarrow as pa

_UNSIGNED_64 = {
    "globalPid", "globalTid", "endGlobalTid", "typeId", "rawTimestamp", "contextId", "streamId",
    "graphNodeId", "demangledName", "shortName", "domainId", "utcEpochNs", "nameId",
}  # fmt: skip
_UNSIGNED_32 = {"deviceId", "correlationId", "registersPerThread", "eventType", "textId"}
_TYPES = {"INTEGER": pa.int64(), "REAL": pa.float64(), "TEXT": pa.string()}


def as_arrow(sqlite: Path) -> Path:
    """Write the tables of a database to a folder beside it, one stream of one batch each."""
    folder = sqlite.with_name(f"{sqlite.stem}_arwdir")
    folder.mkdir()
    database = sqlite3.connect(sqlite)
    for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'"):
        names, kinds = zip(
            *database.execute("SELECT name, type FROM pragma_table_info(?)", [table]), strict=True
        )
        rows = database.execute(f'SELECT * FROM "{table}"').fetchall()
        values = zip(*rows, strict=True) if rows else [()] * len(names)
        columns = [_column(n, k, list(v)) for n, k, v in zip(names, kinds, values, strict=True)]
        write_stream(folder / f"{table}.arrow", pa.table(dict(zip(names, columns, strict=True))))
    database.close()
    return folder


def write_stream(path: Path, table: pa.Table) -> None:
    """Write a table as nsys does; an empty one has no batch."""
    with pa.ipc.new_stream(str(path), table.schema) as stream:
        if table.num_rows:
            stream.write_table(table)


def _column(name: str, kind: str, values: list[Any]) -> Any:
    column: Any = pa.array(values, _TYPES[kind.upper()])
    if name in _UNSIGNED_64:
        return column.view(pa.uint64())
    return column.cast(pa.uint32()) if name in _UNSIGNED_32 else column
