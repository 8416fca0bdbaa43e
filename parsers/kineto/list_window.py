"""The elements of a list in a JSON text that is never held whole.

Only quotes and brackets decide where an element ends, and no escape, control character or byte
that is no UTF-8 changes those. The search is one pass of numpy over a block.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np

from ...stats.arrays import Int64
from .repair import masked

LARGEST_PART_BYTES: Final = 1 << 24  # an element, or what stands before or after the list
_PIECE_BYTES: Final = 1 << 20  # a piece is searched at once
_IS_MARK: Final = np.isin(np.arange(256), list(b'"{}[]'))
_STEP: Final = np.zeros(256, dtype=np.int8)
_STEP[list(b"{[")], _STEP[list(b"}]")] = 1, -1


class Window:
    """A part of a text that moves forward: `text` begins at `byte`."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self.text, self.byte = b"", 0
        self._blocks = blocks

    def more(self) -> bool:
        """Read as much as the window holds, at least a block; False at the end of the text.

        Growing by its own length keeps the time to look through an event of any length linear.
        """
        parts, added = [self.text], 0
        for block in self._blocks:
            parts.append(block)
            added += len(block)
            if added and (added >= len(self.text) or len(self.text) + added > LARGEST_PART_BYTES):
                break
        self.text = b"".join(parts)
        return added > 0

    def drop(self, length: int) -> bytes:
        """Move the window forward by `length` bytes, and return those."""
        dropped, self.text = self.text[:length], self.text[length:]
        self.byte += length
        return dropped


class Brackets(NamedTuple):
    """Brackets outside strings: their places, whether each opens (1) or closes (-1), the depth."""

    place: Int64
    step: Any
    depth: Any


def brackets(text: bytes, deepest: int) -> Brackets:
    """Find the brackets that lead to a depth of at most `deepest`.

    The text is looked through piece by piece: nothing else but brackets would take 26 times the
    memory of the text.
    """
    letters = np.frombuffer(masked(text), dtype=np.uint8)
    found = []
    in_string, depth = False, 0
    for first in range(0, max(1, len(letters)), _PIECE_BYTES):
        piece = letters[first : first + _PIECE_BYTES]
        places = np.flatnonzero(_IS_MARK[piece])
        is_quote = piece[places] == ord('"')
        outside = ~is_quote & (np.logical_xor.accumulate(is_quote) == in_string)
        places = places[outside]
        step = _STEP[piece[places]]
        depths = depth + np.cumsum(step, dtype=np.int64)
        kept = depths <= deepest
        found.append((places[kept] + first, step[kept], depths[kept]))
        in_string ^= bool(np.count_nonzero(is_quote) % 2)
        depth = int(depths[-1]) if len(depths) else depth
    place, steps, at_depth = (np.concatenate(each) for each in zip(*found, strict=True))
    return Brackets(place, steps, at_depth)


def split_elements(text: bytes) -> tuple[Iterator[tuple[int, int]], int | None]:
    """Start and end of each element in brackets, and the place where the list is closed, if any."""
    places, step, depth = brackets(text, 1)
    closed = np.flatnonzero(depth < 0)[:1]
    if len(closed):
        places, step, depth = (each[: closed[0] + 1] for each in (places, step, depth))
    starts = places[(depth == 1) & (step == 1)]
    ends = places[(depth == 0) & (step == -1)] + 1
    spans = zip(starts.tolist(), ends.tolist(), strict=False)  # the last one may lack its end
    return spans, int(places[-1]) if len(closed) else None
