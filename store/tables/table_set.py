"""Tables that belong together: written aside, published at once, and marked with their sources.

Each file of a set holds in its metadata the names of all of them and one digest of all that they
were made from. So a reader sees whether the tables are of one set, whether the set is whole, and
whether it is of the sources that are there now, without comparing any clock.
"""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from ..disk.exchange import take_place
from ..disk.sync import make_folder, sync_file, sync_folder
from ..disk.temporary import PREFIX, temporary_folder
from ..files import cannot_write
from .parquet import checked, file_metadata, parquet_file
from .schemas import SCHEMAS

_SOURCES_KEY: Final = "moeprof.sources_sha256"
_TABLES_KEY: Final = "moeprof.tables"
_GROUP_ROWS: Final = 65_536


class TableWriter:
    """Writes the tables of one folder piece by piece; made by `writing_tables`.

    Another thread compresses one piece at a time while the caller makes the next one.
    """

    def __init__(self, folder: Path, files: ExitStack, thread: Executor) -> None:
        self.rows: dict[str, int] = {}  # number of rows by table
        self._folder = folder
        self._files = files
        self._thread = thread
        self._writing: Future[None] | None = None
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._pieces: dict[str, list[pa.Table]] = {}

    def write(self, name: str, piece: pa.Table) -> None:
        """Append a piece, which may be empty.

        Raises ValueError if its columns are not the schema's, and OSError where it cannot be
        written.
        """
        if name not in self._writers:
            path = self._folder / f"{name}.parquet"
            self._writers[name] = self._files.enter_context(parquet_file(path, name))
        self.rows[name] = self.rows.get(name, 0) + piece.num_rows
        pieces = self._pieces.setdefault(name, [])
        pieces.append(checked(name, piece))
        if sum(each.num_rows for each in pieces) >= _GROUP_ROWS:
            self._flush(name)

    def finish(self, sources_sha256: str | None) -> None:
        """Write all pieces, and mark each file with its set and what that was made from."""
        for name in list(self._pieces):
            self._flush(name)
        self._wait()
        if sources_sha256 is not None:
            tables = ",".join(sorted(self._writers))
            marks = {_SOURCES_KEY: sources_sha256, _TABLES_KEY: tables}
            for writer in self._writers.values():
                writer.add_key_value_metadata(marks)

    def _flush(self, name: str) -> None:
        pieces = pa.concat_tables(self._pieces.pop(name))
        self._wait()
        self._writing = self._thread.submit(self._writers[name].write_table, pieces)

    def _wait(self) -> None:
        if self._writing is not None:
            self._writing.result()


@contextmanager
def writing_tables(folder: Path, sources_sha256: str | None = None) -> Iterator[TableWriter]:
    """Write the tables of a folder piece by piece; on a clean exit they replace those in it.

    `sources_sha256` is the digest of what the tables of a run are made from: their folder is
    replaced as a whole, in one step. In a folder that holds other files too, and where the file
    system cannot do that, the old tables are removed before the new ones are put in; so it is for
    those of a trace, whose folder is the user's. On an error the folder stays as it was. Raises
    BadInput where it cannot be written.
    """
    try:
        make_folder(folder.parent)
        apart = sources_sha256 is not None and _is_only_tables(folder)
        if not apart:
            make_folder(folder)
        with temporary_folder(folder.parent if apart else folder) as staged:
            with ExitStack() as files, ThreadPoolExecutor(1) as thread:
                writer = TableWriter(staged, files, thread)
                yield writer
                writer.finish(sources_sha256)
            for name in writer.rows:
                sync_file(staged / f"{name}.parquet")
            sync_folder(staged)
            _publish(staged, folder, apart)
    except OSError as error:
        raise cannot_write(folder, error) from error


def sources_of(folder: Path, main: str = "points") -> str | None:
    """Digest of what the tables of a folder were made from; None where they are no whole set.

    `main` is a table that every such set has. A set that is replaced while it is looked at is
    looked at again.
    """
    said = _metadata(folder, main)
    while True:
        names = said.get(_TABLES_KEY, "").split(",")
        marks = {_metadata(folder, name).get(_SOURCES_KEY) for name in names}
        if marks == {said.get(_SOURCES_KEY)}:
            return said.get(_SOURCES_KEY)
        before, said = said, _metadata(folder, main)
        if said == before:
            return None


def _metadata(folder: Path, name: str) -> Mapping[str, str]:
    return file_metadata(folder / f"{name}.parquet") if name in SCHEMAS else {}


def _is_only_tables(folder: Path) -> bool:
    """Whether a folder holds nothing but tables, so that another may take its place."""
    if not folder.name or folder.is_symlink() or folder.is_mount():
        return False
    tables = {f"{name}.parquet" for name in SCHEMAS}
    names = set(os.listdir(folder)) if folder.exists() else set()
    others = {name for name in names - tables if not name.startswith(PREFIX)}
    return not others and os.access(folder.parent, os.W_OK)


def _publish(staged: Path, folder: Path, apart: bool) -> None:
    """Put the staged tables in the place of those in a folder."""
    if apart and take_place(staged, folder):
        sync_folder(folder.parent)
        return
    for name in SCHEMAS:  # never new tables beside old ones
        (folder / f"{name}.parquet").unlink(missing_ok=True)
    sync_folder(folder)
    for path in sorted(staged.iterdir()):
        path.replace(folder / path.name)
    sync_folder(folder)
