"""Exports a single report of nsys or ncu to the format that the parsers read.

A tool reads only reports of its own version and older ones, so the version that wrote an nsys
report is read from its first bytes and compared with the installed one.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ..parsers.messages import Refusal
from ..parsers.ncu.report import MAGIC, check_report, has_ncu_report
from ..parsers.nsys.export import open_export
from ..parsers.nsys.read_columns import READ_TABLES
from ..parsers.trace_format import read_beginning
from ..store.disk.temporary import scratch_folder
from ..store.errors import BadInput
from .collectors.nsys import Nsys
from .collectors.traced import TraceFault
from .process.run import run

# Reports by nsys up to 2023.1 begin with "Report 1." and do not say which nsys wrote them.
_NSYS_HEAD: Final = re.compile(rb"NVIDIA Tegra Profiler Report (\d+)(?:@(\d+))?(?:@(\d+))?")
_CAPTURE_HEAD: Final = re.compile(rb"NVIDIA Nsight Systems Stream ([\d.]+)")
_IMPORT_S: Final = 600.0
_MAX_ARROW_BYTES: Final = (
    2**28
)  # nsys 2024.2 holds Arrow tables in memory: 10 to 25 times the report


@contextmanager
def exported(path: Path) -> Iterator[Path]:
    """Give a trace in a form that the parsers read, as long as the context lasts.

    A report of nsys is exported to Arrow or SQLite, one of ncu to a raw CSV page, in a temporary
    folder. Any other file is given as it is, and so is a report of ncu where NVIDIA's package
    ncu-report is installed, which reads it. Raises BadInput where the tool is missing, is older
    than the report, or cannot read it. Messages of a BadInput raised within name `path`.
    """
    with scratch_folder() as folder:
        copy = folder / path.name
        try:
            yield _exported(path, copy)
        except BadInput as error:
            raise BadInput(error.message.replace(str(copy), str(path)), error.hint) from error


def _exported(path: Path, copy: Path) -> Path:
    """Export `path` to `copy` if it is a report; return which of the two the parsers can read."""
    if os.path.isdir(path):  # an Arrow export, or else the parsers refuse it
        return path
    head = read_beginning(path)
    if head.startswith(MAGIC) and not has_ncu_report():
        check_report(path)
        _export_ncu(path, copy)
        return copy
    if found := _NSYS_HEAD.match(head):
        _export_nsys(path, copy, tuple(int(part) for part in found.groups() if part is not None))
        return copy
    if found := _CAPTURE_HEAD.search(head[:64]):
        _export_capture(path, copy, found[1].decode())
        return copy
    return path


def _export_capture(path: Path, copy: Path, version: str) -> None:
    """Import and export a capture (.qdstrm), which nsys leaves where its importer is missing."""
    hint = f"import it with the nsys {version} that wrote it: QdstrmImporter -i {path.name}"
    nsys = _installed_nsys(f"{path} is a capture of nsys {version}", hint)
    linked = copy.with_name("capture.qdstrm")
    linked.symlink_to(path.resolve())
    try:
        _export_tables(nsys, linked.with_suffix(".nsys-rep"), copy)
    except TraceFault as fault:
        raise BadInput(f"{path} cannot be imported: {fault}", hint=hint) from fault


def _installed_nsys(what: str, hint: str) -> Nsys:
    installed = shutil.which("nsys")
    if installed is None:
        raise BadInput(f"{what}, and no nsys is on PATH", hint=hint)
    nsys = Nsys(installed)
    if nsys.version and nsys.hangs:
        raise BadInput(f"{what}, and the nsys on PATH does not run: {nsys.hangs}", hint=hint)
    return nsys


def _export_nsys(path: Path, copy: Path, needed: tuple[int, ...]) -> None:
    version = ".".join(map(str, needed))
    report, wanted = f"a report of nsys {version}", f"nsys {version} or newer"
    if len(needed) == 1:  # "Report 1."
        report, wanted = "a report of an older nsys", "an nsys that reads it"
    hint = f"install {wanted}, or export it where it was made: nsys export -t sqlite"
    nsys = _installed_nsys(f"{path} is {report}", hint)
    numbers = tuple(int(part) for part in re.findall(r"\d+", nsys.version)[:3])
    if numbers and numbers < needed:
        raise BadInput(f"{path} needs {wanted}, and the one on PATH is {nsys.version}", hint=hint)
    try:
        _export_tables(nsys, path.absolute(), copy)  # a name such as -f is no option
    except TraceFault as fault:
        raise BadInput(f"{path} cannot be exported: {fault}", hint=hint) from fault


def _export_tables(nsys: Nsys, report: Path, copy: Path) -> None:
    """Export the tables that are read to Arrow files or else SQLite; all of them where that fails.

    What nsys wrote is checked before it becomes `copy`.
    """
    too_big = report.is_file() and report.stat().st_size > _MAX_ARROW_BYTES
    for form in ("sqlite",) if too_big else ("arrowdir", "sqlite"):
        part = copy.with_name(f"part.{form}")
        try:
            nsys.export_tables(report, form, READ_TABLES, part)
            _check_complete(part)
        except (TraceFault, BadInput):
            _remove(part)
        else:
            part.rename(copy)
            return
    whole = copy.with_name("whole.sqlite")
    nsys.export(report, whole)
    whole.rename(copy)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _check_complete(part: Path) -> None:
    """Raise BadInput where an export is not whole, or lacks the tables that any export has."""
    with open_export(part) as export:
        if not export.metadata() or "StringIds" not in export.tables:
            raise BadInput(f"{part} {Refusal.CUT_SHORT}")


def _export_ncu(path: Path, page: Path) -> Path:
    hint = (
        "pip install ncu-report, or where it was made:"
        f" ncu --import {path.name} --csv --page raw --print-units base > page.csv"
    )
    installed = shutil.which("ncu")
    if installed is None:
        raise BadInput(f"{path} is a report of ncu, and no ncu is on PATH", hint=hint)
    report = str(path.absolute())  # a name such as -f is no option
    command = [installed, "--import", report, "--csv", "--page", "raw", "--print-units", "base"]
    result = run(command, timeout_s=_IMPORT_S)
    if result.exit_code != 0 or not result.stdout.strip():
        raise BadInput(f"{path} cannot be read by this ncu: {result.last_words}", hint=hint)
    page.write_text(result.stdout, encoding="utf-8")
    return page
