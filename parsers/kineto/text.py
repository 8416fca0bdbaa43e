"""The text of a trace as UTF-8, block by block, whatever the file packs or encodes it in."""

import codecs
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Final

from ...store.errors import BadInput
from ...store.files import reason
from ...store.tables.unpacking import check_unpacked, most_unpacked_bytes
from ..messages import Refusal

GZIP_ERRORS: Final = (EOFError, zlib.error, gzip.BadGzipFile)
_GZIP: Final = b"\x1f\x8b"
_BEGINNING_BYTES: Final = 4  # which tell the encoding
_SIZE_BYTES: Final = 4
_BLOCK_BYTES: Final = 1 << 20


def text_blocks(path: Path) -> Iterator[bytes]:
    """Yield the text of a trace in UTF-8, in blocks of at most about 1 MiB.

    The file may be gzipped, begin with a byte order mark, and be in UTF-16 or UTF-32 of either
    byte order, with or without a mark. Raises BadInput where it cannot be opened or unpacked.
    """
    blocks = _unpacked_blocks(path)
    first = next(blocks, b"")
    encoding = json.detect_encoding(first)
    if encoding == "utf-8-sig":
        first = b" " * len(codecs.BOM_UTF8) + first[len(codecs.BOM_UTF8) :]  # keeps byte offsets
    if encoding.startswith("utf-8"):
        yield first
        yield from blocks
        return
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    for block in chain([first], blocks):
        yield decoder.decode(block).encode()  # half a character at the end is no character


def place(path: Path, byte: int) -> str:
    """Name a byte of the text, counted from 0, with its line and column, both from 1.

    It is a byte of the file, unless that is packed or in another encoding than UTF-8.
    """
    before, lines, line_start = 0, 1, 0
    for block in text_blocks(path):
        head = block[: byte - before]
        lines += head.count(b"\n")
        if b"\n" in head:
            line_start = before + head.rindex(b"\n") + 1
        before += len(head)
        if before >= byte:
            break
    counted = "byte" if _is_plain(path) else "unpacked UTF-8 byte"
    return f"{counted} {byte} (line {lines}, column {byte - line_start + 1})"


def _is_plain(path: Path) -> bool:
    with path.open("rb") as file:
        beginning = file.read(_BEGINNING_BYTES)
    return not beginning.startswith(_GZIP) and json.detect_encoding(beginning).startswith("utf-8")


class _Gzip(gzip.GzipFile):
    """A gzip file; reading raises BadInput where it holds more than it may."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "rb")
        self._path = path
        self._most_bytes = most_unpacked_bytes(path)

    def check(self) -> None:
        """Read all of a file that says of itself that it is too large, before any of it is used.

        It ends with its size modulo 2**32 (RFC 1952); a damaged one may end with anything.
        """
        with self._path.open("rb") as raw:
            raw.seek(max(0, self._path.stat().st_size - _SIZE_BYTES))
            if int.from_bytes(raw.read(), "little") <= self._most_bytes:
                return
        while self.read1(_BLOCK_BYTES):
            pass
        self.rewind()

    def read1(self, size: int = -1) -> bytes:
        data = super().read1(size)
        check_unpacked(self._path, self.tell(), self._most_bytes)
        return data


def open_unpacked(path: Path) -> gzip.GzipFile | io.BufferedReader:
    """Open a file to be read by `read1`, unpacked where it is gzipped.

    Reading raises BadInput where it unpacks to more than `most_unpacked_bytes`.
    """
    with path.open("rb") as raw:
        packed = raw.read(len(_GZIP)) == _GZIP
    if packed:
        file = _Gzip(path)
        file.check()
        return file
    return path.open("rb")


def gzip_damage(path: Path, error: Exception) -> BadInput:
    """Make the refusal of a gzip file that `error` stopped, with what is good before the damage."""
    good_bytes = 0
    try:
        with _Gzip(path) as unpacked:
            while block := unpacked.read1(_BLOCK_BYTES):
                good_bytes += len(block)
    except GZIP_ERRORS:
        pass
    cause = "it is cut short" if isinstance(error, EOFError) else f"it is damaged ({error})"
    return BadInput(
        f"{path} {Refusal.NOT_GZIP}: {cause} after {good_bytes} good bytes of what it packs",
        hint="copy it again, or record again",
    )


def _unpacked_blocks(path: Path) -> Iterator[bytes]:
    """Yield the file's bytes, unpacked where they are gzipped."""
    try:
        with open_unpacked(path) as file:
            while block := file.read1(_BLOCK_BYTES):
                yield block
    except FileNotFoundError:
        raise BadInput(f"{path} {Refusal.MISSING}") from None
    except GZIP_ERRORS as error:
        raise gzip_damage(path, error) from error
    except OSError as error:
        raise BadInput(f"cannot read {path}: {reason(error)}") from error
