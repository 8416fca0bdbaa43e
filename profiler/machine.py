"""One run holds one machine: the device, its driver and its threads."""

from ..store.document import read_document, write_document
from ..store.errors import BadInput, shortened
from ..store.provenance import Provenance
from ..store.run import Run


def check_machine(run: Run, here: Provenance) -> None:
    """Raise BadInput where a run was begun on another machine than `here`."""
    if not run.provenance_path.exists():
        return
    before = read_document(run.provenance_path, Provenance)
    if before.machine != here.machine:
        raise BadInput(
            f"{run.folder} was measured on {shortened(before.machine)}, and this is"
            f" {here.machine}: one run holds one machine",
            hint="resume it there, or profile anew without --resume",
        )


def keep_machine(run: Run, here: Provenance) -> None:
    """Write the provenance of a new run; check that of another as `check_machine` does."""
    check_machine(run, here)
    if not run.provenance_path.exists():
        write_document(run.provenance_path, here)
