"""One digest of all that the tables of a run are made from.

It is over `plan.json` and every `recording.json`, by its path in the run and the sha256 of its
content; a recording holds the sha256 of its raw files. Times of files are never compared: a copy, a
checkout or a clock that was set back changes them, and the content not. As in DVC.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ..errors import BadInput
from ..files import read_bytes
from .units import RECORDING_FILE, recorded_units

# Ends the digest of tables that lack a recording which was damaged: they count as stale until it is
# restored or measured anew.
INCOMPLETE: Final = "-incomplete"


def sources_sha256(run: Path) -> str:
    """Digest of the plan and of every recording of a run's folder, sound or damaged."""
    digest = hashlib.sha256()
    for path in _sources(run):
        digest.update(os.fsencode(path.relative_to(run)) + b"\0" + _digest(path) + b"\n")
    return digest.hexdigest()


def _sources(run: Path) -> Iterator[Path]:
    yield run / "plan.json"
    for unit in recorded_units(run / "raw"):
        yield unit / RECORDING_FILE


def _digest(path: Path) -> bytes:
    try:
        return hashlib.sha256(read_bytes(path)).hexdigest().encode()
    except BadInput:
        return b"unreadable"
