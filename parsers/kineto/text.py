"""The text of a trace as UTF-8, block by block, whatever the file packs or encodes it in."""

import codecs
import gzip
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from ...store.errors import BadInput
from ..messages import Refusal

GZIP: Final = b"\x1f\x8b"
_BLOCK_BYTES: Final = 1 << 20
_BEGINNING_BYTES: Final = 4096
_JSON: Final = re.compile(rb"\{|\[\s*\{")


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
    yield decoder.decode(first).encode()
    for block in blocks:
        yield decoder.decode(block).encode()
    yield decoder.decode(b"", final=True).encode()


def begins_json(path: Path) -> bool:
    """Whether the text begins with an object, or a list of objects, after any white space.

    Raises BadInput as `text_blocks`.
    """
    beginning = b""
    for block in text_blocks(path):
        beginning = (beginning + block).lstrip()
        if len(beginning) >= _BEGINNING_BYTES:
            break
    return _JSON.match(beginning) is not None


def place(path: Path, byte: int) -> str:
    """Name a byte of the text, counted from 0, with its line and column, both from 1."""
    before, lines, line_start = 0, 1, 0
    for block in text_blocks(path):
        head = block[: byte - before]
        lines += head.count(b"\n")
        if b"\n" in head:
            line_start = before + head.rindex(b"\n") + 1
        before += len(head)
        if before >= byte:
            break
    return f"byte {byte} (line {lines}, column {byte - line_start + 1})"


def _unpacked_blocks(path: Path) -> Iterator[bytes]:
    """Yield the file's bytes, unpacked where they are gzipped."""
    try:
        with path.open("rb") as file:
            packed = file.read(len(GZIP)) == GZIP
            file.seek(0)
            yield from (
                _unpacked(file, path) if packed else iter(lambda: file.read(_BLOCK_BYTES), b"")
            )
    except FileNotFoundError:
        raise BadInput(f"{path} {Refusal.MISSING}") from None
    except OSError as error:
        raise BadInput(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error


def _unpacked(file: BinaryIO, path: Path) -> Iterator[bytes]:
    """Unpack gzip as far as it is intact. Raises BadInput with the number of bytes up to there."""
    good_bytes = 0
    try:
        with gzip.open(file) as unpacked:
            while block := unpacked.read1(_BLOCK_BYTES):
                good_bytes += len(block)
                yield block
    except EOFError:
        raise BadInput(
            f"{path} {Refusal.NOT_GZIP}: cut short after {good_bytes} bytes of its text",
            hint="copy or record it again",
        ) from None
    except (zlib.error, gzip.BadGzipFile) as error:
        raise BadInput(
            f"{path} {Refusal.NOT_GZIP}: damaged after {good_bytes} bytes of its text ({error})",
            hint="copy or record it again",
        ) from error
