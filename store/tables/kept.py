"""The tables of a trace, kept beside it by the sweep that checked it, so that it is read once.

They are used while both are the same: the trace, and the code that made them of it.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

import pyarrow as pa

from ..errors import BadInput
from ..recording import sha256_of
from .parquet import read_table
from .schemas import SCHEMAS
from .table_set import TableWriter, sources_of, writing_tables

_FOLDER: Final = "tables"  # in the folder of the recording
_MAIN: Final = "calls"  # is there, if only empty
_MAKERS: Final = ("energy", "parsers", "stats", "store")  # rooms whose code makes tables of a trace


@contextmanager
def keeping_tables(trace: Path) -> Iterator[TableWriter]:
    """Keep what is written in the block as the tables of a trace, a file of a recording.

    Raises BadInput where it cannot be read, or they cannot be written.
    """
    with writing_tables(trace.parent / _FOLDER, _sources(sha256_of(trace))) as tables:
        tables.write(_MAIN, SCHEMAS[_MAIN].empty_table())
        yield tables


def kept_tables(recording: Path, trace_sha256: str) -> Sequence[tuple[str, pa.Table]] | None:
    """Names and tables that are kept in the folder of a recording.

    None where there are none, they are damaged, or of another trace or code.
    """
    folder = recording / _FOLDER
    if sources_of(folder, _MAIN) != _sources(trace_sha256):
        return None
    try:
        return [
            (name, read_table(path, name))
            for name in SCHEMAS
            if (path := folder / f"{name}.parquet").exists()
        ]
    except BadInput:
        return None


def _sources(trace_sha256: str) -> str:
    return hashlib.sha256(f"{trace_sha256} {_code_sha256()}".encode()).hexdigest()


@cache
def _code_sha256() -> str:
    """Digest of the code that makes tables of a trace."""
    root, digest = Path(__file__).parents[2], hashlib.sha256()
    for path in sorted(path for room in _MAKERS for path in (root / room).rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
