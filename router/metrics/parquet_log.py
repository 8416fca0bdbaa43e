"""The log as a folder of Parquet files, which any reader takes as one table.

Parquet cannot be added to: a file without its end is none. So rows go to a journal first, an Arrow
IPC stream to which whole messages are added, and of which a reader takes all messages that are
whole. Once it is large or old, and when the log is closed, its rows become the next part:

    metrics.parquet/part-000000.parquet   …   part-000007.parquet     _rows.arrows

The journal names the part that it is to become. A part appears whole, by a rename; then the journal
is emptied. So where a process was killed in between, the part is there already, and the journal is
emptied by the next writer; where it was killed before, the next writer makes the part.
"""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ...store.disk.sync import make_folder, sync_file, sync_folder
from ...store.disk.temporary import temporary_file
from ...store.errors import BadInput
from .appended import AppendedFile
from .arrays import column_array
from .log_folder import (
    JOURNAL,
    arrow_schema,
    check_schema,
    part_number,
    part_path,
    parts,
    read_journal,
)
from .row import Cell

if TYPE_CHECKING:
    import pyarrow as pa

MOST_BYTES: Final = 32 << 20
LONGEST_S: Final = 600.0
RETRY_S: Final = 60.0


class ParquetLog:
    """A folder of Parquet files that rows are added to; nothing else is in it.

    Raises BadInput where pyarrow is missing, another logger has the log open, a file is in its
    place, or its parts are of another schema; OSError where it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        _check_pyarrow(path)
        if path.is_file():
            raise BadInput(
                f"{path} is a file, and a log as Parquet is a folder", hint="name another path"
            )
        self._folder = path
        make_folder(path)
        self._journal = AppendedFile(path / JOURNAL)
        try:
            self._recover()
        except BaseException:
            self._journal.close()
            raise
        self._begun_s = self._retry_s = time.monotonic()

    def add(self, rows: list[list[Cell]]) -> None:
        """Add rows, all or none. Raises OSError where that fails."""
        import pyarrow as pa

        schema = arrow_schema()
        arrays = [
            column_array(field.type, values)
            for field, values in zip(schema, zip(*rows, strict=True), strict=True)
        ]
        data = pa.record_batch(arrays, schema=schema).serialize().to_pybytes()
        if not self._journal.size_bytes:
            self._begun_s = time.monotonic()
            part = part_path(self._folder, self._next_number()).name
            data = arrow_schema(part).serialize().to_pybytes() + data
        self._journal.add(data)

    def is_at_path(self) -> bool:
        """Whether the log is still at its path."""
        return self._journal.is_at_path()

    def tidy(self) -> None:
        """Make a part of a journal that is large or old.

        Raises OSError where that fails; then it is tried again a minute later, because it takes a
        part of a second.
        """
        now_s = time.monotonic()
        is_due = self._journal.size_bytes > MOST_BYTES or now_s - self._begun_s > LONGEST_S
        if is_due and now_s >= self._retry_s:
            self._retry_s = now_s + RETRY_S
            self._fold()
            self._retry_s = now_s

    def close(self) -> None:
        """Make the last part, and leave no journal. Raises OSError where that fails."""
        try:
            self._fold()
            self._journal.remove()
        finally:
            self._journal.close()

    def abandon(self) -> None:
        """In a forked process: leave the log to the process that writes it."""
        self._journal.abandon()

    def _recover(self) -> None:
        """Make a part of what a killed process left. Raises BadInput for another schema."""
        self._fold()
        number = self._next_number()
        if number:
            check_schema(part_path(self._folder, number - 1))

    def _fold(self) -> None:
        """Make the journal the part that it names, unless that is there; then empty it."""
        if not self._journal.size_bytes:
            return
        part, table = read_journal(self._folder)
        if part is not None and table.num_rows and not (self._folder / part).exists():
            _write_part(self._folder / part, table)
        self._journal.cut(0)

    def _next_number(self) -> int:
        """The number after that of the last part."""
        return max((part_number(path) + 1 for path in parts(self._folder)), default=0)


def _write_part(path: Path, table: "pa.Table") -> None:
    """Write a part whole. Raises OSError where that fails, and then there is none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with temporary_file(path.parent) as temporary:
        with pa.OSFile(os.fsencode(temporary), "wb") as file:  # type: ignore[arg-type]
            pq.write_table(table, file, compression="zstd")
        sync_file(temporary)
        temporary.replace(path)
    sync_folder(path.parent)


def _check_pyarrow(path: Path) -> None:
    """Import all of pyarrow that is used: at the interpreter's end it cannot be imported."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise BadInput(
            f"{path} is to be Parquet, and pyarrow is not installed",
            hint="pip install pyarrow, or name a file that ends in .csv",
        ) from error
