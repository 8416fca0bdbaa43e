"""An export of Nsight Systems: opened read-only, its version checked, its columns read.

The tables and columns that the file has decide what is read; the schema version only decides
whether their meaning is known.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...store.errors import BadInput
from ..messages import NSYS_EXPORT_HINT, Refusal, TraceWarning
from .arrow_tables import is_arrow_export, open_arrow
from .columns import Column, Columns, Tables, no_rows

KNOWN_MAJORS: Final = (2, 3)
NEWEST_KNOWN: Final = (3, 28)  # NVIDIA's schema reference of nsys 2026.4

METADATA_TABLES: Final = ("META_DATA_EXPORT", "EXPORT_META_DATA")  # from 3.4 on; before 3.4
_NVPROF_TABLES: Final = frozenset({"CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL", "StringTable"})
# Tables of nsys, each with a column that the table of that name in other tools' files lacks.
_OWN_COLUMNS: Final = (
    ("CUPTI_ACTIVITY_KIND_KERNEL", "demangledName"),
    ("CUPTI_ACTIVITY_KIND_KERNEL", "shortName"),
    ("CUPTI_ACTIVITY_KIND_RUNTIME", "globalTid"),
    ("NVTX_EVENTS", "eventType"),
    ("GPU_METRICS", "typeId"),
    ("GENERIC_EVENTS", "typeId"),
)
_VERSION: Final = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,9})(?:\.[0-9]{1,9})*)?")
_WIDTHS: Final = (8, 16, 32, 64)
_WARNING_AND_ERROR: Final = (2, 3)  # values of ENUM_DIAGNOSTIC_SEVERITY_LEVEL


class NsysExport:
    """One open export; made by `open_export`."""

    def __init__(self, path: Path, source: Tables) -> None:
        self.path = path
        self.warnings: list[str] = []
        self.left_out: Counter[TraceWarning] = Counter()  # rows, by why they are not used
        self.tables = source.tables
        self.bad_cells = source.bad_cells
        self._source = source

    def columns(self, table: str) -> Mapping[str, str]:
        """Names of a table's columns by their lower case; empty for a table that is not there."""
        return self._source.columns(table)

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
        rows. For small tables: every value may become a Python object. A value that is not of
        its column's type is null, and counted in `bad_cells`.
        """
        types: dict[str, pa.DataType] = {name: pa.int64() for name in integers}
        types |= {name: pa.string() for name in texts} | {name: pa.float64() for name in reals}
        present = self.columns(table)
        columns = _columns(types, present)
        if not present:
            return no_rows(columns)
        return self._source.read(table, columns, present.get(order.lower(), ""))

    def blocks(
        self, table: str, types: Mapping[str, pa.DataType], order: str = ""
    ) -> Iterator[pa.Table]:
        """Yield a big table's columns in pieces, in the order of the file or sorted by `order`.

        A column that the file lacks is all null; a missing table has no pieces. The name "a|b"
        stands for column a where that is not null, else b. Values of another type are null.
        """
        present = self.columns(table)
        if present:
            yield from self._source.blocks(table, _columns(types, present), order)

    def bulk(self, table: str, types: Mapping[str, pa.DataType]) -> pa.Table:
        """Read a big table's columns whole, in the order of the file.

        Integer columns get the narrowest type that holds their values, which saves memory.
        """
        pieces = [_narrowed(piece) for piece in self.blocks(table, types)]
        if not pieces:
            return no_rows(_columns(types, {}))
        return pa.concat_tables(pieces, promote_options="permissive")

    def spread(
        self, table: str, names: Sequence[str], count: int
    ) -> "np.ndarray[Any, np.dtype[np.int64]]":
        """Read about `count` evenly spaced rows of a big table: int64 [rows, names], null as -1."""
        present = self.columns(table)
        if not present:
            return np.zeros((0, len(names)), dtype=np.int64)
        return self._source.spread(
            table, _columns(dict.fromkeys(names, pa.int64()), present), count
        )

    def warn_of_missing(self, table: str, names: Sequence[str]) -> bool:
        """Warn where a table lacks some of the named columns, and say whether it does."""
        present = self.columns(table)
        missing = [name for name in names if present and name.lower() not in present]
        if missing:
            lacks = f"{table} {TraceWarning.MISSING_COLUMNS} {', '.join(missing)}"
            self.warnings.append(f"{self.path.name}: {lacks}")
        return bool(missing)

    def strings(self) -> dict[int, str]:
        """`StringIds` as a dictionary: most texts of an export are ids into it."""
        table = self.bulk("StringIds", {"id": pa.int64(), "value": pa.string()})
        ids, values = (table.column(name).to_pylist() for name in ("id", "value"))
        pairs = zip(ids, values, strict=True)
        return {int(key): str(value or "") for key, value in pairs if key is not None}

    def check_version(self) -> None:
        """Refuse an unknown major version of the schema; warn about a newer minor one or none.

        Raises BadInput where this is no nsys export at all, or an nvprof database.
        """
        version = self._version()
        numbers = _VERSION.fullmatch(version)
        if numbers is None:
            said = f"EXPORT_SCHEMA_VERSION {version!r}" if version else "no EXPORT_SCHEMA_VERSION"
            self.warnings.append(f"{self.path.name} has {said}: {TraceWarning.UNKNOWN_SCHEMA}")
            return
        major, minor = int(numbers[1]), int(numbers[2] or 0)
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
                f"{self.path.name}: EXPORT_SCHEMA_VERSION {version} {TraceWarning.NEWER_SCHEMA}"
                f" {newest}, the newest one checked"
            )

    def metadata(self) -> dict[str, str]:
        """What nsys wrote about the export, by name; empty where it has no such table."""
        rows = [row for name in METADATA_TABLES for row in self._named_values(name)]
        return {row["name"]: row["value"] for row in rows if row["name"] and row["value"]}

    def _named_values(self, table: str) -> list[dict[str, Any]]:
        return self.read(table, [], ["name", "value"]).to_pylist()

    def _version(self) -> str:
        """EXPORT_SCHEMA_VERSION, "" where the export has none."""
        if self.tables >= _NVPROF_TABLES:
            raise BadInput(
                f"{self.path} {Refusal.NVPROF}",
                hint="record with `nsys profile` instead of nvprof",
            )
        version = self.metadata().get("EXPORT_SCHEMA_VERSION", "")
        if version or any(column.lower() in self.columns(table) for table, column in _OWN_COLUMNS):
            return version
        raise BadInput(
            f"{self.path} {Refusal.OTHER_DATABASE}: it has neither EXPORT_SCHEMA_VERSION nor a"
            " table of kernels, CUDA calls, ranges or GPU metrics as nsys writes them",
            hint=NSYS_EXPORT_HINT,
        )

    def sentences(self) -> list[str]:
        """All that the user is to be warned of about what was read so far."""
        file = self.path.name
        counted = [f"{file}: {count} {what}" for what, count in self.left_out.items() if count]
        return [*self.warnings, *counted, *self.bad_cells.sentences(file)]

    def diagnostics(self) -> list[str]:
        """Return nsys's warnings and errors about CUDA, NVTX or GPU metrics, in order of time."""
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
    """Open an export: an SQLite database, or the folder of an Arrow export.

    Raises BadInput where the file is missing, is not intact, is being written, is not from Nsight
    Systems, or has a schema of a major version that this reader does not know.
    """
    if is_arrow_export(path):
        yield _checked(path, open_arrow(path))
    else:
        # ADBC takes 0.1 s to import, which an Arrow export need not pay.
        from .sqlite_tables import open_sqlite

        with open_sqlite(path) as tables:
            yield _checked(path, tables)


def _checked(path: Path, source: Tables) -> NsysExport:
    export = NsysExport(path, source)
    export.check_version()
    return export


def _columns(types: Mapping[str, pa.DataType], present: Mapping[str, str]) -> Columns:
    """Columns to read: of the names that "a|b" stands for, those that the table has."""
    columns = {}
    for name, type_ in types.items():
        sources = (present.get(each) for each in name.lower().split("|"))
        columns[name] = Column(tuple(filter(None, sources)), type_)
    return columns


def _narrowed(table: pa.Table) -> pa.Table:
    """Cast each integer column to the narrowest type that holds its values."""
    columns: dict[str, Any] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        columns[name] = column
        if pa.types.is_integer(column.type):
            low, high = (end.as_py() for end in pc.min_max(column).values())
            width = next(
                w for w in _WIDTHS if -(2 ** (w - 1)) <= (low or 0) and (high or 0) < 2 ** (w - 1)
            )
            columns[name] = column.cast(f"int{width}")
    return pa.table(columns)
