"""Tables of traces that come in pieces: whole, and compared."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from moeprof.parsers.trace_file import parse_trace
from moeprof.parsers.trace_tables import Piece


def concatenated(pieces: Iterable[Piece]) -> dict[str, pa.Table]:
    """Concatenate the pieces of each table, by its name."""
    parts: dict[str, list[pa.Table]] = {}
    for name, piece in pieces:
        parts.setdefault(name, []).append(piece)
    return {name: pa.concat_tables(each) for name, each in parts.items()}


def same_tables(left: Path, right: Path) -> bool:
    """Whether two traces parse to the same tables."""
    one, other = (concatenated(parse_trace(path).pieces) for path in (left, right))
    return one.keys() == other.keys() and all(one[name].equals(other[name]) for name in one)
