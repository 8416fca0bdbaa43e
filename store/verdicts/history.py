"""The verdicts on a model by one comparison: the present one, and those that came before.

The present one is `validation.json`, or `validation-RUN.json` where another run was compared. A
verdict that takes its place moves it to `validations/`, where each keeps a number of its own.
"""

from dataclasses import replace
from pathlib import Path
from typing import Final

from ..document import read_document, write_document
from ..errors import BadInput
from .verdict import Validation

FOLDER: Final = "validations"


def replace_verdict(path: Path, verdict: Validation) -> None:
    """Write a verdict to `path`, and keep the one that is there.

    One that says the same, but for its date, is not kept twice; nor is one that cannot be read.
    Raises BadInput where a file cannot be written; `path` is then as it was.
    """
    before = _readable(path)
    if before is not None and _undated(before) != _undated(verdict):
        kept = _kept_paths(path)
        if not kept or _readable(kept[-1]) != before:  # an interrupted command has kept it already
            write_document(_kept(path, len(kept) + 1), before)
    write_document(path, verdict)


def readable_verdicts(path: Path) -> list[Validation]:
    """Read the verdicts that were at `path` before, oldest first, then the present one.

    Those that cannot be read are left out.
    """
    found = map(_readable, (*_kept_paths(path), path))
    return [verdict for verdict in found if verdict is not None]


def _kept(path: Path, number: int) -> Path:
    return path.parent / FOLDER / f"{path.stem}.{number}.json"


def _kept_paths(path: Path) -> list[Path]:
    """Paths of the kept verdicts, oldest first: their numbers have no gap."""
    paths: list[Path] = []
    while (kept := _kept(path, len(paths) + 1)).is_file():
        paths.append(kept)
    return paths


def _readable(path: Path) -> Validation | None:
    try:
        return read_document(path, Validation)
    except BadInput:
        return None


def _undated(verdict: Validation) -> Validation:
    return replace(verdict, validated_utc=None)
