"""The format of a trace file, found by its content and not by its name."""

import io
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import IO, Final

from ..store.errors import BadInput
from ..store.files import reason
from .kineto.text import GZIP_ERRORS, gzip_damage, open_unpacked
from .messages import Refusal
from .ncu.pages import is_ncu_output
from .ncu.report import MAGIC as NCU_REPORT
from .ncu.report import has_ncu_report
from .ncu.text import utf_16_encoding
from .other_formats import is_report, other_folder, other_format, unknown_format

_SQLITE: Final = b"SQLite format 3\0"
_GZIP: Final = b"\x1f\x8b"
_BEGINNING: Final = 65536  # bytes that are read to find the format
_PIECE: Final = 1 << 20  # characters that are searched at once
_SQLITE_HEADER_BYTES: Final = 100


class TraceFormat(StrEnum):
    """The formats of trace files that can be parsed or scrubbed."""

    NSYS_SQLITE = "nsys"
    KINETO_JSON = "kineto"
    NCU_CSV = "ncu"
    NCU_REPORT = "ncu-report"


def trace_format(path: Path) -> TraceFormat:
    """Find the format of a trace. Raises BadInput, naming what the file is, where it is none."""
    beginning = read_beginning(path)
    if beginning.startswith(_GZIP):
        return _packed_format(path)
    if beginning.startswith(_SQLITE):
        _check_whole(path, beginning)
        return TraceFormat.NSYS_SQLITE
    if beginning.startswith(NCU_REPORT) and has_ncu_report():
        return TraceFormat.NCU_REPORT
    text = _first_text(path)
    if refusal := other_format(path, beginning, text):
        raise refusal
    if is_ncu_output(text):
        return TraceFormat.NCU_CSV
    if text.startswith("{"):
        return TraceFormat.KINETO_JSON
    if _is_ncu_output_later(path, beginning):
        return TraceFormat.NCU_CSV
    raise unknown_format(path, beginning, text)


def _packed_format(path: Path) -> TraceFormat:
    """Find the format of a gzip file: of a trace of torch.profiler, or it is refused."""
    with _unpacking(path), open_unpacked(path) as file:
        beginning = file.read1(_BEGINNING)
    text = _first_text(path)
    if beginning.startswith(_SQLITE) or is_report(beginning) or is_ncu_output(text):
        raise BadInput(f"{path} {Refusal.PACKED}", hint=f"unpack it: gunzip {path.name}")
    if refusal := other_format(path, beginning, text):
        raise refusal
    if text.startswith("{"):
        return TraceFormat.KINETO_JSON
    raise unknown_format(path, beginning, text)


def read_beginning(path: Path) -> bytes:
    """Read the first bytes of a file.

    Raises BadInput where it cannot be read, is empty, or is no regular file: reading a pipe would
    wait for its writer.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise other_folder(path)
        if not stat.S_ISREG(mode):
            raise BadInput(f"{path} {Refusal.NOT_REGULAR}", hint="write the trace to a file first")
        with path.open("rb") as file:
            beginning = file.read(_BEGINNING)
    except OSError as error:
        raise BadInput(f"cannot read {path}: {reason(error)}") from error
    if not beginning:
        raise BadInput(f"{path} {Refusal.EMPTY}", hint="record or export it again")
    return beginning


def _check_whole(path: Path, beginning: bytes) -> None:
    """Compare a database's size with its header (sqlite.org/fileformat2.html, section 1.3)."""
    stored = int.from_bytes(beginning[16:18], "big")
    page_bytes = 65536 if stored == 1 else stored
    expected = page_bytes * int.from_bytes(beginning[28:32], "big")
    expected = max(expected, _SQLITE_HEADER_BYTES)
    actual = path.stat().st_size
    if actual < expected:
        raise BadInput(
            f"{path} {Refusal.CUT_SHORT}: {actual} of {expected} bytes",
            hint="copy it again, or export it again with `nsys export --type sqlite`",
        )


@contextmanager
def _unpacking(path: Path) -> Iterator[None]:
    try:
        yield
    except GZIP_ERRORS as error:
        raise gzip_damage(path, error) from error


def _first_text(path: Path) -> str:
    """Read the first characters of a file after a byte order mark and any white space.

    Without the zero characters that UTF-32 has when it is read as UTF-16.
    """
    text = ""
    with _unpacking(path), _opened_text(path) as file:
        while not text and (read := file.read(_BEGINNING)):
            text = read.replace("\0", "").lstrip("\ufeff \t\r\n")
        return text + file.read(_BEGINNING - len(text)).replace("\0", "")


def _is_ncu_output_later(path: Path, beginning: bytes) -> bool:
    """Whether a page of ncu comes after much output of the program that it profiled."""
    if b"\0" in beginning and utf_16_encoding(beginning) is None:
        return False
    with _unpacking(path), _opened_text(path) as file:
        whole_lines = iter(lambda: file.read(_PIECE) + file.readline(_BEGINNING), "")
        return any(map(is_ncu_output, whole_lines))


def _opened_text(path: Path) -> IO[str]:
    """Open a file, gzipped or not, as text; bytes that are no text become U+FFFD."""
    with open_unpacked(path) as file:
        encoding = utf_16_encoding(file.read1(64)) or "utf-8"
    return io.TextIOWrapper(open_unpacked(path), encoding, errors="replace")
