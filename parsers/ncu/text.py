"""The text of a page, whatever wrote it: ncu, a shell's redirect on Windows, an editor."""

import codecs
from pathlib import Path
from typing import Final, NamedTuple

from ...store.errors import BadInput
from ...store.files import check_size, reason
from ..messages import Refusal
from .hints import EXPORT_HINT

_MOST_BYTES: Final = 32 << 20  # 9000 kernels with all metrics; it takes 30 times as much memory
_LATIN_1: Final = "moeprof-latin-1"
_UTF_16: Final = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class PageText(NamedTuple):
    """A file's text, and how many bytes of it are not UTF-8 and were read as Latin-1."""

    text: str
    foreign_bytes: int


def read_page_text(path: Path) -> PageText:
    """Read a file as UTF-8 or, where its first bytes say so, UTF-16; without byte order marks.

    Bytes that are not UTF-8 are read as Latin-1: a kernel's name may hold them. Raises BadInput
    where the file cannot be read.
    """
    try:
        check_size(path, _MOST_BYTES)
        data = path.read_bytes()
    except FileNotFoundError:
        raise BadInput(f"{path} {Refusal.MISSING}", hint=EXPORT_HINT) from None
    except OSError as error:
        raise BadInput(f"cannot read {path}: {reason(error)}") from error
    return decoded(data)


def decoded(data: bytes) -> PageText:
    """Decode a page or its beginning; see `read_page_text`."""
    encoding = utf_16_encoding(data)
    if encoding is not None:
        return PageText(data.decode(encoding, errors="replace").replace("\ufeff", ""), 0)
    text = data.decode("utf-8", errors=_LATIN_1)
    foreign = len(data) - len(data.decode("utf-8", errors="ignore").encode())
    return PageText(text.replace("\ufeff", ""), foreign)


def utf_16_encoding(data: bytes) -> str | None:
    """Name the UTF-16 that a text is in, by its mark or the zero bytes of its ASCII letters."""
    if data[:2] in _UTF_16:
        return _UTF_16[data[:2]]
    letters = data[:64]
    if len(letters) < 8:
        return None
    if not any(letters[0::2]):
        return "utf-16-be"
    return None if any(letters[1::2]) else "utf-16-le"


def _as_latin_1(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error(_LATIN_1, _as_latin_1)
