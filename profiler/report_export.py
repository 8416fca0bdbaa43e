"""A lone report of nsys or ncu in the form that the parsers read.

Only a tool that is at least as new as a report can read it, and no tool says so before it fails:
a report of nsys begins with the version that wrote it.
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
    """Export a report of nsys to SQLite, or of ncu to a raw CSV page, in `folder`; its path there.

    Any other file is given back as it is, and so is a report of ncu where NVIDIA's package
    ncu-report reads it. Raises BadInput where the tool is missing, is older than
    the report, or cannot read it.
    """
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError:  # the parsers say what is wrong with it
        return path
    if head.startswith(MAGIC) and not has_ncu_report():
        check_report(path)
        return _export_ncu(path, folder / f"{path.stem}.csv")
    if found := _NSYS_HEAD.match(head):
        needed = tuple(int(part) for part in found.groups(b"0"))
        return _export_nsys(path, folder / f"{path.stem}.sqlite", needed)
    return path


def _export_nsys(path: Path, sqlite: Path, needed: tuple[int, ...]) -> Path:
    from .collectors.nsys import (
        Nsys,  # with all that a sweep needs: a second, which other files need not wait
    )
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
    said = process.run(command, timeout_s=_IMPORT_S)
    if said.exit_code != 0 or not said.stdout.strip():
        raise BadInput(f"{path} cannot be read by this ncu: {said.last_words}", hint=hint)
    page.write_text(said.stdout, encoding="utf-8")
    return page
