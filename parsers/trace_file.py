"""A lone trace, that no recording describes: what it is told by its content, then parsed."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, NamedTuple

from ..store.errors import BadInput
from .events import Trace
from .kineto import read_kineto
from .ncu import is_ncu_header, read_ncu
from .ncu_report import MAGIC as NCU_REPORT
from .ncu_report import has_ncu_report, read_ncu_report
from .nsys.trace import read_nsys
from .trace_tables import Piece, trace_tables

_SQLITE: Final = b"SQLite format 3\0"
_GZIP: Final = b"\x1f\x8b"
_NSYS_REPORTS: Final = (b"NVIDIA Tegra Profiler Report", b"QDSTRM")
_BEGINNING: Final = 65536  # bytes that decide what a file is


class ParsedTrace(NamedTuple):
    """Pieces of tables by name, to be read once and one after the other, and what to warn of."""

    pieces: Iterator[Piece]
    warnings: tuple[str, ...]


def parse_trace(path: Path) -> ParsedTrace:
    """Parse an nsys SQLite export, an ncu raw page (CSV) or a torch.profiler trace (JSON, gzip).

    A report of ncu is read too where NVIDIA's package ncu-report is installed. Raises BadInput
    where the file is none of these, is damaged, or holds neither kernels nor ranges; reading the
    pieces raises it too.
    """
    tool = tool_of(path)
    if tool in ("ncu", "ncu-report"):
        counters = read_ncu(path) if tool == "ncu" else read_ncu_report(path)
        return ParsedTrace(iter([("counters", counters)]), ())
    return _parsed(read_nsys(path) if tool == "nsys" else read_kineto(path), path)


def tool_of(path: Path) -> Literal["nsys", "ncu", "ncu-report", "kineto"]:
    """Say which tool wrote a trace, by its content. Raises BadInput where none of them did."""
    beginning = _beginning(path)
    if beginning.startswith(_SQLITE):
        _check_whole(path, beginning)
        return "nsys"
    if _unpacked(path, beginning).lstrip().startswith(b"{"):
        return "kineto"
    if _is_ncu_page(beginning):
        return "ncu"
    if beginning.startswith(NCU_REPORT) and has_ncu_report():
        return "ncu-report"
    raise _unknown(path, beginning)


def _parsed(trace: Trace, path: Path) -> ParsedTrace:
    if not trace.kernels.num_rows and not len(trace.range_names):
        raise BadInput(
            " ".join([f"{path} holds no kernels and no ranges", *_because(trace)]),
            hint="record CUDA and NVTX (`nsys profile -t cuda,nvtx`), around code that runs on it",
        )
    pieces = trace_tables(trace, None, on_gpu=trace.kernels.num_rows > 0)
    return ParsedTrace(pieces, trace.warnings)


def _because(trace: Trace) -> list[str]:
    return [f"({'; '.join(trace.warnings)})"] if trace.warnings else []


def _beginning(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            beginning = file.read(_BEGINNING)
    except OSError as error:
        raise BadInput(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error
    if not beginning:
        raise BadInput(f"{path} is empty (0 bytes)", hint="record or export it again")
    return beginning


def _check_whole(path: Path, beginning: bytes) -> None:
    """Compare a database's size with what its header says (sqlite.org/fileformat2.html, 1.3)."""
    stored = int.from_bytes(beginning[16:18], "big")
    page_bytes = 65536 if stored == 1 else stored
    expected = page_bytes * int.from_bytes(beginning[28:32], "big")
    actual = path.stat().st_size
    if actual < max(expected, 100):
        raise BadInput(
            f"{path} is cut short: {actual} of {max(expected, 100)} bytes",
            hint="copy it again, or export it again with `nsys export --type sqlite`",
        )


def _unpacked(path: Path, beginning: bytes) -> bytes:
    if not beginning.startswith(_GZIP):
        return beginning
    try:
        with gzip.open(path) as file:
            return file.read(_BEGINNING)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadInput(f"{path} is no intact gzip file: {error}") from error


def _is_ncu_page(beginning: bytes) -> bool:
    lines = beginning.decode(errors="replace").removeprefix("\ufeff").splitlines()
    return any(is_ncu_header(line) for line in lines)


def _unknown(path: Path, beginning: bytes) -> BadInput:
    if beginning.startswith(_NSYS_REPORTS) or path.suffix in (".nsys-rep", ".qdrep", ".qdstrm"):
        return BadInput(
            f"{path} is a report of Nsight Systems, not its SQLite export",
            hint=f"export it with `nsys export --type sqlite {path.name}`",
        )
    if beginning.startswith(NCU_REPORT) or path.suffix == ".ncu-rep":
        return BadInput(
            f"{path} is a report of Nsight Compute, not its CSV page",
            hint=f"install ncu-report, or `ncu --import {path.name} --csv --page raw"
            " --print-units base > page.csv`",
        )
    return BadInput(
        f"{path} is no trace that moeprof knows: it begins with {beginning[:16]!r}",
        hint="give an nsys SQLite export, an ncu raw page (CSV) or a torch.profiler JSON trace",
    )
