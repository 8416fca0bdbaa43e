"""An SQLite export of Nsight Systems: opened read-only, its version checked, its columns read.

What is there is decided by the tables and columns that the file has, not by its version; the
version only says whether this reader may trust their meaning.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from ..store.errors import BadInput

KNOWN_MAJORS: Final = (2, 3)
NEWEST_KNOWN: Final = (3, 28)  # NVIDIA's schema reference of nsys 2026.4

_METADATA_TABLES: Final = ("META_DATA_EXPORT", "EXPORT_META_DATA")  # since 3.4, and before
_NVPROF_TABLES: Final = frozenset({"CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL", "StringTable"})
_EXPORT_HINT: Final = "export the report with `nsys export --type sqlite REPORT.nsys-rep`"
_WARNING_AND_ERROR: Final = (2, 3)  # of ENUM_DIAGNOSTIC_SEVERITY_LEVEL
_ROWS_AT_ONCE: Final = 65536


class NsysExport:
    """One open export; made by `open_export`."""

    def __init__(self, path: Path, connection: sa.Connection) -> None:
        self.path = path
        self.warnings: list[str] = []
        self._connection = connection
        tables = connection.execute(
            sa.select(sa.column("name", sa.String))
            .select_from(sa.table("sqlite_master"))
            .where(sa.literal_column("type") == "table")
        )
        self.tables = frozenset(tables.scalars())

    def columns(self, table: str) -> frozenset[str]:
        """Names of a table's columns; none where the export lacks the table."""
        rows = self._connection.execute(
            sa.select(sa.column("name", sa.String)).select_from(sa.func.pragma_table_info(table))
        )
        return frozenset(rows.scalars())

    def read(
        self,
        table: str,
        integers: Sequence[str],
        texts: Sequence[str] = (),
        reals: Sequence[str] = (),
        order: str = "",
    ) -> pa.Table:
        """Read the named columns as int64, string or float64; one the file lacks is all null.

        `order` names the column to sort by, "" for the order in the file. A missing table has no
        rows. Raises BadInput where a value is not of its column's type.
        """
        types: dict[str, pa.DataType] = {name: pa.int64() for name in integers}
        types |= {name: pa.string() for name in texts} | {name: pa.float64() for name in reals}
        schema = pa.schema([pa.field(name, type_) for name, type_ in types.items()])
        present = self.columns(table)
        if not present:
            return schema.empty_table()
        wanted = [sa.column(name) if name in present else sa.null().label(name) for name in types]
        query = sa.select(*wanted).select_from(sa.table(table))
        if order:
            query = query.order_by(sa.column(order))
        rows = self._connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(query)
        batches = []
        for part in rows.partitions(_ROWS_AT_ONCE):
            columns = zip(zip(*part, strict=True), types.items(), strict=True)
            arrays = [self._array(table, name, type_, v) for v, (name, type_) in columns]
            batches.append(pa.record_batch(arrays, schema=schema))
        return pa.Table.from_batches(batches, schema)

    def _array(
        self, table: str, name: str, type_: pa.DataType, values: tuple[Any, ...]
    ) -> "pa.Array[Any]":
        try:
            # SQLite's columns hold any type, whatever they declare.
            found: pa.Array[Any] = pa.array(values)
            if found.type in (pa.null(), type_) or pa.types.is_floating(type_):
                found = found.cast(type_)
                return found
            reason = f"it holds {found.type}"
        except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, OverflowError) as error:
            reason = str(error)
        raise BadInput(f"{self.path}: {table}.{name} is not {type_} throughout: {reason}")

    def strings(self) -> dict[int, str]:
        """`StringIds`, which most texts are given by."""
        table = self.read("StringIds", ["id"], ["value"])
        return {row["id"]: row["value"] or "" for row in table.to_pylist()}

    def check_version(self) -> None:
        """Refuse an unknown major version of the schema; warn of a newer minor one.

        Raises BadInput where this is no nsys export at all, or an nvprof database.
        """
        version = self._version()
        numbers = version.split(".")
        if not all(number.isascii() and number.isdigit() for number in numbers):
            raise BadInput(f"{self.path}: EXPORT_SCHEMA_VERSION {version!r} is no version number")
        major, minor = int(numbers[0]), int(numbers[1]) if len(numbers) > 1 else 0
        if major not in KNOWN_MAJORS:
            known = " and ".join(map(str, KNOWN_MAJORS))
            raise BadInput(
                f"{self.path}: EXPORT_SCHEMA_VERSION {version} has major {major},"
                f" and this moeprof knows {known}",
                hint="export the report with an older nsys, or take a newer moeprof",
            )
        if (major, minor) > NEWEST_KNOWN:
            newest = ".".join(map(str, NEWEST_KNOWN))
            self.warnings.append(
                f"{self.path.name}: EXPORT_SCHEMA_VERSION {version} is newer than {newest},"
                " the newest one checked"
            )

    def _version(self) -> str:
        if self.tables >= _NVPROF_TABLES:
            raise BadInput(
                f"{self.path} is a database of nvprof, not an export of Nsight Systems",
                hint="record with `nsys profile` instead of nvprof",
            )
        for name in _METADATA_TABLES:
            if name in self.tables:
                rows = self.read(name, [], ["name", "value"]).to_pylist()
                for row in rows:
                    if row["name"] == "EXPORT_SCHEMA_VERSION":
                        return str(row["value"])
        raise BadInput(
            f"{self.path} is an SQLite database, but no export of Nsight Systems:"
            " it has no EXPORT_SCHEMA_VERSION",
            hint=_EXPORT_HINT,
        )

    def diagnostics(self) -> list[str]:
        """Return what nsys says went wrong with CUDA, NVTX or GPU metrics, in order of time."""
        rows = self.read("DIAGNOSTIC_EVENT", ["severity"], ["text"], order="timestamp")
        return [
            " ".join(row["text"].split())
            for row in rows.to_pylist()
            if row["severity"] in _WARNING_AND_ERROR
            and row["text"]
            and any(word in row["text"] for word in ("CUDA", "NVTX", "GPU"))
        ]


@contextmanager
def open_export(path: Path) -> Iterator[NsysExport]:
    """Open an export read-only; nothing is written beside it either.

    Raises BadInput where the file is missing, is no intact SQLite database, is not from Nsight
    Systems, or has a schema of a major version that this reader does not know.
    """
    if not path.is_file():
        raise BadInput(f"{path} does not exist", hint=_EXPORT_HINT)
    uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    engine = sa.create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(uri, uri=True, check_same_thread=False),
        poolclass=StaticPool,
    )
    try:
        with engine.connect() as connection:
            export = NsysExport(path, connection)
            export.check_version()
            yield export
    except sa.exc.DBAPIError as error:
        raise BadInput(
            f"{path} cannot be read as an SQLite database: {error.orig}", hint=_EXPORT_HINT
        ) from error
    finally:
        engine.dispose()
