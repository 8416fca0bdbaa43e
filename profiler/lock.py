"""One sweep at a time: per GPU, where two would measure each other, and per run folder."""

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..store.errors import BadInput
from ..store.provenance import Provenance
from ..store.run import Run


@contextmanager
def exclusive_lock(provenance: Provenance, run: Run) -> Iterator[None]:
    """Hold the run folder, and the device's GPU by its UUID; a CPU has no lock.

    The locks go with the process that holds them. Raises BadInput where another sweep has one.
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
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadInput(f"another sweep is measuring {what}", hint=hint) from None
        yield
