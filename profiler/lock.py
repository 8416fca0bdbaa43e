"""One sweep per GPU at a time: two would measure each other."""

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..store.errors import BadInput
from ..store.provenance import Provenance


@contextmanager
def sole_use(provenance: Provenance) -> Iterator[None]:
    """Hold the lock of the device's GPU, by its UUID; the CPU has none.

    The lock goes with the process that holds it. Raises BadInput where another sweep has it.
    """
    if provenance.gpu is None:
        yield
        return
    path = Path(tempfile.gettempdir()) / f"moeprof-{provenance.gpu.uuid}.lock"
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadInput(
                f"another sweep is measuring {provenance.gpu.name} {provenance.gpu.uuid}",
                hint="wait for it to end, or choose another GPU with --device cuda:N",
            ) from None
        yield
