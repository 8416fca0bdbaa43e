"""A single trace file, without a recording: its format is found by its content, then parsed."""

import gzip
import zlib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

import pyarrow as pa

from ..store.errors import BadInput
from .events import Trace
from .kineto import read_kineto
from .messages import Refusal
from .ncu import is_ncu_header, read_ncu
from .ncu_report import MAGIC as NCU_REPORT
from .ncu_report import has_ncu_report, read_ncu_report
from .nsys.arrow_tables import is_arrow_export
from .nsys.trace import read_nsys
from .trace_tables import Piece, trace_tables

_SQLITE: Final = b"SQLite format 3\0"
_GZIP: Final = b"\x1f\x8b"
_NSYS_REPORTS: Final = (b"NVIDIA Tegra Profiler Report", b"QDSTRM")
_BEGINNING: Final = 65536  # bytes that are read to find the format
_SQLITE_HEADER_BYTES: Final = 100


class TraceFormat(StrEnum):
    """The formats of trace files that can be parsed or scrubbed."""

    NSYS_SQLITE = "nsys"
    KINETO_JSON = "kineto"
    NCU_CSV = "ncu"
    NCU_REPORT = "ncu-report"


class ParsedTrace(NamedTuple):
    """(Table name, rows) as an iterator to be read once, and sentences to warn the user with."""

    pieces: Iterator[Piece]
    warnings: tuple[str, ...]


def parse_trace(path: Path) -> ParsedTrace:
    """Parse an export of nsys, an ncu raw page (CSV) or a torch.profiler trace (JSON, gzip).

    A report of ncu is read too where NVIDIA's package ncu-report is installed. Raises BadInput
    where the file is none of these, is damaged, or holds neither kernels nor ranges; reading the
    pieces raises it too.
    """
    if is_arrow_export(path):
        return _events(read_nsys(path), path)
    match trace_format(path):
        case TraceFormat.NSYS_SQLITE:
            return _events(read_nsys(path), path)
        case TraceFormat.KINETO_JSON:
            return _events(read_kineto(path), path)
        case TraceFormat.NCU_CSV:
            return _counters(read_ncu(path))
        case TraceFormat.NCU_REPORT:
            return _counters(read_ncu_report(path))


def trace_format(path: Path) -> TraceFormat:
    """Find the format of a trace by its content. Raises BadInput where it is none of them."""
    beginning = _beginning(path)
    if beginning.startswith(_SQLITE):
        _check_whole(path, beginning)
        return TraceFormat.NSYS_SQLITE
    if _unpacked(path, beginning).lstrip().startswith(b"{"):
        return TraceFormat.KINETO_JSON
    if _is_ncu_page(beginning):
        return TraceFormat.NCU_CSV
    if beginning.startswith(NCU_REPORT) and has_ncu_report():
        return TraceFormat.NCU_REPORT
    raise _no_known_format(path, beginning)


def _counters(table: pa.Table) -> ParsedTrace:
    return ParsedTrace(iter([("counters", table)]), ())


def _events(trace: Trace, path: Path) -> ParsedTrace:
    """Tables of a trace of kernels and ranges. Raises BadInput where it holds neither."""
    if not trace.kernels.num_rows and not len(trace.range_names):
        warnings = f" ({'; '.join(trace.warnings)})" if trace.warnings else ""
        raise BadInput(
            f"{path} {Refusal.NO_EVENTS}{warnings}",
            hint="record CUDA and NVTX (`nsys profile -t cuda,nvtx`), around code that runs on it",
        )
    pieces = trace_tables(trace, None, on_gpu=trace.kernels.num_rows > 0)
    return ParsedTrace(pieces, trace.warnings)


def _beginning(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            beginning = file.read(_BEGINNING)
    except OSError as error:
        raise BadInput(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
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


def _unpacked(path: Path, beginning: bytes) -> bytes:
    if not beginning.startswith(_GZIP):
        return beginning
    try:
        with gzip.open(path) as file:
            return file.read(_BEGINNING)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadInput(f"{path} {Refusal.NOT_GZIP}: {error}") from error


def _is_ncu_page(beginning: bytes) -> bool:
    lines = beginning.decode(errors="replace").removeprefix("\ufeff").splitlines()
    return any(is_ncu_header(line) for line in lines)


def _no_known_format(path: Path, beginning: bytes) -> BadInput:
    """Say how to convert a report of a known tool; name the first bytes of any other file."""
    if beginning.startswith(_NSYS_REPORTS) or path.suffix in (".nsys-rep", ".qdrep", ".qdstrm"):
        return BadInput(
            f"{path} {Refusal.NSYS_REPORT}",
            hint=f"export it with `nsys export --type sqlite {path.name}`",
        )
    if beginning.startswith(NCU_REPORT) or path.suffix == ".ncu-rep":
        return BadInput(
            f"{path} {Refusal.NCU_REPORT}, not its CSV page",
            hint=f"install ncu-report, or `ncu --import {path.name} --csv --page raw"
            " --print-units base > page.csv`",
        )
    return BadInput(
        f"{path} {Refusal.UNKNOWN_FORMAT}: it begins with {beginning[:16]!r}",
        hint="give an nsys SQLite export, an ncu raw page (CSV) or a torch.profiler JSON trace",
    )
