"""Exports a single report of nsys or ncu to the format that the parsers read.

A tool reads only reports of its own version and older ones, so the version that wrote an nsys
report is read from its first bytes and compared with the installed one.
"""

import re
import shutil
from pathlib import Path
from typing import Final

from ..parsers.ncu_report import MAGIC, check_report, has_ncu_report
from ..store.errors import BadInput
from . import process

_NSYS_HEAD: Final = re.compile(rb"NVIDIA Tegra Profiler Report (\d+)@(\d+)(?:@(\d+))?")
_IMPORT_S: Final = 600.0


def export_report(path: Path, folder: Path) -> Path:
    """Export a report of nsys to SQLite, or of ncu to a raw CSV page, in `folder`; return its path.

    Any other file is returned as it is, and so is a report of ncu where NVIDIA's package ncu-report
    is installed, which reads it. Raises BadInput where the tool is missing, is older than the
    report, or cannot read it.
    """
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError:  # the parsers refuse it with a reason
        return path
    if head.startswith(MAGIC) and not has_ncu_report():
        check_report(path)
        return _export_ncu(path, folder / f"{path.stem}.csv")
    if found := _NSYS_HEAD.match(head):
        needed = tuple(int(part) for part in found.groups(b"0"))
        return _export_nsys(path, folder / f"{path.stem}.sqlite", needed)
    return path


def _export_nsys(path: Path, sqlite: Path, needed: tuple[int, ...]) -> Path:
    from .collectors.nsys import Nsys  # takes a second to import, which other files need not pay
    from .collectors.traced import TraceFault

    version = ".".join(map(str, needed))
    hint = f"install nsys {version} or newer, or export it where it was made: nsys export -t sqlite"
    installed = shutil.which("nsys")
    if installed is None:
        raise BadInput(f"{path} is a report of nsys {version}, and no nsys is on PATH", hint=hint)
    nsys = Nsys(installed)
    numbers = tuple(int(part) for part in re.findall(r"\d+", nsys.version)[:3])
    if numbers < needed:
        raise BadInput(
            f"{path} needs nsys {version} or newer, and the one on PATH is {nsys.version}",
            hint=hint,
        )
    try:
        nsys.export(path, sqlite)
    except TraceFault as fault:
        raise BadInput(f"{path} cannot be exported: {fault}", hint=hint) from fault
    return sqlite


def _export_ncu(path: Path, page: Path) -> Path:
    hint = (
        "pip install ncu-report, or where it was made:"
        f" ncu --import {path.name} --csv --page raw --print-units base > page.csv"
    )
    installed = shutil.which("ncu")
    if installed is None:
        raise BadInput(f"{path} is a report of ncu, and no ncu is on PATH", hint=hint)
    command = [installed, "--import", str(path), "--csv", "--page", "raw", "--print-units", "base"]
    result = process.run(command, timeout_s=_IMPORT_S)
    if result.exit_code != 0 or not result.stdout.strip():
        raise BadInput(f"{path} cannot be read by this ncu: {result.last_words}", hint=hint)
    page.write_text(result.stdout, encoding="utf-8")
    return page
