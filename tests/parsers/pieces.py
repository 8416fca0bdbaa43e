"""Tables that come in pieces, put together."""

from collections.abc import Iterable

import pyarrow as pa

from moeprof.parsers.trace_tables import Piece


def concatenated(pieces: Iterable[Piece]) -> dict[str, pa.Table]:
    """Put the pieces of each table together."""
    parts: dict[str, list[pa.Table]] = {}
    for name, piece in pieces:
        parts.setdefault(name, []).append(piece)
    return {name: pa.concat_tables(each) for name, each in parts.items()}
