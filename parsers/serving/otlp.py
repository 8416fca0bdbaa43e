"""The spans of a file in OTLP JSON, one by one, so that a file of many GB is never held whole.

The file exporter of the OpenTelemetry Collector writes one `TracesData` per line
(opentelemetry.io/docs/specs/otel/protocol/file-exporter); other tools write one document, on one
line or many, and some an array of such documents. A line is decoded whole. In anything longer the
elements of each list `spans` are cut out of the text; `resource` and `scope` stand before it, as
the fields are numbered in opentelemetry/proto/trace/v1/trace.proto.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from ...store.errors import BadInput
from ..kineto.list_window import LARGEST_PART_BYTES, Window, split_elements
from ..kineto.text import place, text_blocks
from .otlp_objects import Attributes, Span, resource_of, scope_of, span_of, spans_of

T = TypeVar("T")
_SPANS: Final = re.compile(rb'"spans"\s*+:\s*+\[')
_RESOURCE: Final = re.compile(rb'"resource"\s*+:\s*+(?=\{)')
_SCOPE: Final = re.compile(rb'"(?:scope|instrumentationLibrary)"\s*+:\s*+(?=\{)')
_FIRST_PIECE_BYTES: Final = 1 << 14  # many lists are short, so that the first piece is small
_ESCAPED: Final = re.compile(rb"\\.", re.DOTALL)


class Spans:
    """Iterates over the spans of a file, once; what was left out is known when it has ended.

    cut_short: whether the file ends within a span, which is left out.
    broken_lines: number of lines, but for the last, that are no JSON, and are left out.

    Raises BadInput where the file cannot be read or unpacked, and where a span of a document is no
    JSON or larger than 16 MiB.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cut_short = False
        self.broken_lines = 0

    def __iter__(self) -> Iterator[Span]:
        window = Window(text_blocks(self.path))
        while b"\n" not in window.text.lstrip() and len(window.text) <= LARGEST_PART_BYTES:
            if not window.more():
                break
        first, newline, _ = window.text.lstrip().partition(b"\n")
        if (newline or len(first) <= LARGEST_PART_BYTES) and spans_of(first) is not None:
            yield from self._lines(window)
        else:
            yield from self._lists(window)

    def _lines(self, window: Window) -> Iterator[Span]:
        """Spans of one document per line."""
        while True:
            *lines, rest = window.text.split(b"\n")
            for line in lines:
                if (spans := spans_of(line)) is not None:
                    yield from spans
                else:
                    self.broken_lines += bool(line.strip())
            window.drop(len(window.text) - len(rest))
            if len(rest) > LARGEST_PART_BYTES:
                yield from self._lists(window)
                return
            if not window.more():
                break
        if (spans := spans_of(rest)) is not None:
            yield from spans
        else:
            self.cut_short = bool(rest.strip())

    def _lists(self, window: Window) -> Iterator[Span]:
        """Spans of the lists `spans`, wherever one stands."""
        resource: Attributes = {}
        before = b""
        while True:
            opened = _SPANS.search(_masked(window.text))
            if opened is None:
                if len(window.text) > LARGEST_PART_BYTES:
                    raise self._too_large(window)
                if not window.more():
                    self.cut_short |= not _ends_whole(before + window.text)
                    return
                continue
            head = window.drop(opened.end())
            if (found := _last(_RESOURCE, head, resource_of)) is not None:
                resource = found
            before = b"]"
            yield from self._elements(window, resource, _last(_SCOPE, head, scope_of) or "")
            if self.cut_short:
                return

    def _elements(self, window: Window, resource: Attributes, scope: str) -> Iterator[Span]:
        """Spans up to the bracket that closes their list; the window begins after it."""
        looked = _FIRST_PIECE_BYTES
        while True:
            elements, closed = split_elements(window.text[:looked])
            at = 0
            for start, end in elements:
                try:
                    yield span_of(window.text[start:end], resource, scope)
                except (msgspec.MsgspecError, RecursionError) as error:
                    raise self._no_span(window.byte + start, error) from error
                at = end
            if closed is not None:
                window.drop(closed)
                return
            window.drop(at)
            if at:
                looked = _FIRST_PIECE_BYTES
            elif looked < len(window.text):
                looked *= 2
            elif len(window.text) > LARGEST_PART_BYTES:
                raise self._too_large(window)
            elif not window.more():
                self.cut_short = True
                return

    def _no_span(self, byte: int, error: Exception) -> BadInput:
        return BadInput(
            f"{self.path}: the span at {place(self.path, byte)} is none of OTLP JSON: {error}",
            hint="export the traces again, by the file exporter of the Collector",
        )

    def _too_large(self, window: Window) -> BadInput:
        return BadInput(
            f"{self.path}: what stands at {place(self.path, window.byte)} is no list of spans, or"
            f" a span of more than {LARGEST_PART_BYTES >> 20} MiB",
            hint="give OTLP JSON; end spans of steps often, by --step-tracing-closure-interval",
        )


def _masked(text: bytes) -> bytes:
    """The text with each escape as two spaces, so that no quote stands within a string."""
    return _ESCAPED.sub(b"  ", text) if b"\\" in text else text


def _last(name: "re.Pattern[bytes]", text: bytes, read: Callable[[bytes], T | None]) -> T | None:
    """What is read of the last object of that name in `text`; None where it has none."""
    starts = [found.end() for found in name.finditer(_masked(text))]
    if not starts:
        return None
    after = text[starts[-1] :]
    start, end = next(split_elements(after)[0], (0, 0))
    return read(after[start:end])


def _ends_whole(text: bytes) -> bool:
    """Whether a text may be the end of a document: nothing, or a bracket that closes it."""
    return text.rstrip()[-1:] in (b"", b"}", b"]")
