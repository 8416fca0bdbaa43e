"""Concatenates tables that come in pieces."""

from collections.abc import Iterable

import pyarrow as pa

from moeprof.parsers.trace_tables import Piece


def concatenated(pieces: Iterable[Piece]) -> dict[str, pa.Table]:
    """Concatenate the pieces of each table, by its name."""
    parts: dict[str, list[pa.Table]] = {}
    for name, piece in pieces:
        parts.setdefault(name, []).append(piece)
    return {name: pa.concat_tables(each) for name, each in parts.items()}
