"""The elements of `traceEvents`, cut out of the text one by one, so that it is never held whole.

Only quotes and brackets decide where an element ends, and no escape, control character or byte
that is no UTF-8 changes those. So an event with an invalid string costs no more than itself, and
an event of a kind that nobody uses is never kept. The search is one pass of numpy over a block.
"""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from ...store.errors import BadInput
from ..messages import RECORD_AGAIN, Refusal
from .list_window import LARGEST_PART_BYTES, Window, brackets, split_elements
from .repair import MORE, Fault, fault, repaired
from .text import place, text_blocks

_LIST: Final = re.compile(rb'"traceEvents"\s*+:\s*+\[')
_OUTLINE: Final = msgspec.json.Decoder(dict[str, object], float_hook=str)
_SPLIT: Final = "split it: one trace per file, as one object with the list traceEvents"


class Element(NamedTuple):
    """The text of one element, and where it begins in the text of the trace."""

    byte: int
    text: bytes


class Elements:
    """Iterates over the objects in `traceEvents`, once; the rest is known when it has ended.

    outline: the trace's other members; a float as its text.
    not_objects: number of elements that are no objects.
    ends_with_comma: whether a comma stands after the last element.

    Raises BadInput, naming byte, line and column, where the text is cut short or is no JSON.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.outline: dict[str, Any] = {}
        self.not_objects = 0
        self.ends_with_comma = False
        self._window = Window(text_blocks(path))
        self._outline_text = b"{}"

    def __iter__(self) -> Iterator[Element]:
        head = self._head()
        first = self._window.byte
        yield from self._objects()
        length = self._window.byte - first
        while self._window.more():
            if len(self._window.text) > LARGEST_PART_BYTES:
                raise self._too_large()
        self._read_outline(head, self._window.text, length)

    def twice(self, name: str) -> bool:
        """Whether the trace has the member `name` more than once: `outline` holds the last."""
        if self._outline_text.count(name.encode()) <= 1:  # most often, and members may be long
            return False
        members = json.loads(self._outline_text, object_pairs_hook=list)
        return [member for member, _ in members].count(name) > 1

    def refuse(self, found: Fault) -> BadInput:
        """Make the refusal of a trace that is no JSON from `found.byte` on."""
        if found.cut:
            end = place(self.path, self._window.byte + len(self._window.text))
            return BadInput(
                f"{self.path} {Refusal.NOT_JSON}: it is cut short, and ends at {end}",
                hint="copy it again, or record it again and let torch.profiler end",
            )
        where = place(self.path, found.byte)
        hint = _SPLIT if found.cause == MORE else RECORD_AGAIN
        return BadInput(
            f"{self.path} {Refusal.NOT_JSON}: it is broken at {where}: {found.cause}", hint=hint
        )

    def _head(self) -> bytes:
        """Text up to and with the bracket that opens `traceEvents`; the window begins after it."""
        opened = None
        while opened is None:
            if not self._read_on(b""):
                raise BadInput(f"{self.path} {Refusal.NOT_KINETO}: it has no list traceEvents")
            if self._window.text.lstrip().startswith(b"["):
                raise BadInput(
                    f"{self.path} {Refusal.NOT_KINETO}: it is a bare array of events",
                    hint='give the file that torch.profiler wrote, an object with "traceEvents"',
                )
            opened = _opened(self._window.text)
        return self._window.drop(opened + 1)

    def _objects(self) -> Iterator[Element]:
        """Yield the objects up to the bracket that closes `traceEvents`."""
        before = b"["
        while True:
            text = self._window.text
            spans, closed = split_elements(text)
            at = 0
            for start, end in spans:
                self._count_scalars(before + text[at:start], self._window.byte + at)
                before = b"[{}"
                if text[start : start + 1] == b"{":
                    yield Element(self._window.byte + start, text[start:end])
                else:
                    self.not_objects += 1
                at = end
            if closed is not None:
                self._close(before + text[at:closed], self._window.byte + at)
                self._window.drop(closed)
                return
            self._window.drop(at)
            if not self._read_on(before):
                raise self.refuse(Fault(self._window.byte, "", cut=True))

    def _read_on(self, before: bytes) -> bool:
        """Read the next block; False at the end of a text that is whole.

        `before` stands for what was cut off before the window. Raises BadInput where the text ends
        too early, or is broken or goes on in what is larger than any event.
        """
        text = self._window.text
        if len(text) < LARGEST_PART_BYTES and self._window.more():
            return True
        found = fault(before + text)
        if found is None:
            return False
        if found.cut and self._window.more():
            raise self._too_large()
        raise self.refuse(found._replace(byte=self._window.byte + found.byte - len(before)))

    def _too_large(self) -> BadInput:
        return BadInput(
            f"{self.path} {Refusal.TOO_LARGE} {LARGEST_PART_BYTES >> 20} MiB at"
            f" {place(self.path, self._window.byte)}",
            hint=RECORD_AGAIN,
        )

    def _count_scalars(self, between: bytes, byte: int) -> None:
        """Count the elements between two objects. Raises BadInput where no comma parts them."""
        count = _scalars(between)
        if count is None:
            cause = "no comma between two elements of traceEvents"
            raise self.refuse(Fault(byte, cause, cut=False))
        self.not_objects += count

    def _close(self, between: bytes, byte: int) -> None:
        """Count the elements after the last object; a comma may stand after the last element."""
        between = between.rstrip()
        self.ends_with_comma = between.endswith(b",")
        between = between.removesuffix(b",")
        if between != b"[":
            self._count_scalars(between + b",", byte)

    def _read_outline(self, head: bytes, tail: bytes, length: int) -> None:
        """Read what is around the events. Raises BadInput where it is no JSON, or has two lists."""
        text = head + tail
        self._outline_text = repaired(text)
        try:
            outline = _OUTLINE.decode(self._outline_text)
        except (msgspec.MsgspecError, RecursionError):
            found = fault(text) or Fault(0, "no object with the members of a trace", cut=False)
            if found.byte >= len(head):
                found = found._replace(byte=found.byte + length)
            raise self.refuse(found) from None
        if outline["traceEvents"] != []:
            raise BadInput(f"{self.path} {Refusal.NOT_KINETO}: it has traceEvents twice")
        self.outline = outline


def _opened(text: bytes) -> int | None:
    """Place of the bracket that opens the list of the member `traceEvents`."""
    places, step, depth = brackets(text, 2)
    named = np.array([found.end() - 1 for found in _LIST.finditer(text)], dtype=np.int64)
    lists = named[np.isin(named, places[(depth == 2) & (step == 1)])]
    return int(lists[0]) if len(lists) else None


@lru_cache(maxsize=1024)
def _scalars(between: bytes) -> int | None:
    """Number of elements in the text between two objects; None where it is no part of a list.

    `between` begins with "[" at the start of the list, else with "[{}", for the object before.
    """
    try:
        elements = json.loads(repaired(between) + b"{}]")
    except ValueError:
        return None
    return len(elements) - between.startswith(b"[{}") - 1
