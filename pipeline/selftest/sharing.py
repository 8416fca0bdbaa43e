"""Makes the recordings of a selftest fit to be shared, before anything is made from them.

A trace is replaced by its scrubbed copy, whose name holds `.scrubbed.`, and the recording names the
copy: so tables and digests are those of what is shared. Reports of nsys and ncu, which nobody reads
beside their exports and which hold the environment of the process, are removed.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from ...energy.power_log import POWER_LOG
from ...store.recording import Recording, sha256_of
from ...store.run import Run
from ..scrub import scrub

SCRUBBED: Final = ".scrubbed."
_REPORTS: Final = (".nsys-rep", ".ncu-rep", ".qdstrm")


def share_recordings(run: Run) -> tuple[str, ...]:
    """Scrub the raw files of every recording of a run; return what the copies lack.

    What an interrupted call left undone the next one does. Raises BadInput where a trace cannot be
    read or written.
    """
    warnings: list[str] = []
    for unit, recording in run.recordings():
        warnings += _share(run, unit, recording)
    return tuple(warnings)


def is_shareable(name: str) -> bool:
    """Whether a raw file by that name holds nothing about the machine's user."""
    return SCRUBBED in name or name in (POWER_LOG, "recording.json")


def _share(run: Run, unit: Path, recording: Recording) -> Iterator[str]:
    private = [name for name in recording.files if not is_shareable(name)]
    files = {name: digest for name, digest in recording.files.items() if name not in private}
    for name in private:
        if name.endswith(_REPORTS):
            continue
        stem, dot, endings = name.partition(".")
        copy = unit / f"{stem}{SCRUBBED.rstrip('.')}{dot}{endings}"
        yield from scrub(unit / name, copy).warnings
        files[copy.name] = sha256_of(copy)
    if private:
        run.keep(replace(recording, files=files))
    for name in private:
        (unit / name).unlink(missing_ok=True)
