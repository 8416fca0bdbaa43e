"""Exclusive locks: one sweep at a time per GPU, and one per run folder."""

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from ..store.errors import BadInput
from ..store.files import cannot_write
from ..store.provenance import Provenance
from ..store.run import Run


@contextmanager
def exclusive_lock(provenance: Provenance, run: Run) -> Iterator[None]:
    """Lock the run folder, and the GPU by its UUID; a CPU has no lock.

    The kernel frees both when the process ends. Raises BadInput where another sweep holds one.
    """
    with _held(run.folder / "sweep.lock", f"{run.folder}", "wait for it to end"):
        if provenance.gpu is None:
            yield
            return
        gpu = provenance.gpu
        path = Path(tempfile.gettempdir()) / f"moeprof-{gpu.uuid}.lock"
        hint = "wait for it to end, or choose another GPU with --device cuda:N"
        with _held(path, f"{gpu.name} {gpu.uuid}", hint):
            yield


@contextmanager
def _held(path: Path, what: str, hint: str) -> Iterator[None]:
    with _opened(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadInput(f"another sweep is measuring {what}", hint=hint) from None
        yield


def _opened(path: Path) -> TextIO:
    """Open the file of a lock. Raises BadInput where the folder cannot be written."""
    try:
        return path.open("a")
    except OSError as error:
        raise cannot_write(path, error) from error
