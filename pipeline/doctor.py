"""What this machine can measure, and what stops it."""

from dataclasses import dataclass
from pathlib import Path

from ..doctor import examine as machine
from ..doctor.check_result import CheckResult, Status
from ..store.errors import path_argument
from ..store.run import DEFAULT_STORE

__all__ = ["CheckResult", "Examination", "Status", "examine"]


@dataclass(frozen=True, slots=True)
class Examination:
    """Each check with its status, evidence and remedy, in the order in which they were made."""

    checks: tuple[CheckResult, ...]

    @property
    def has_fault(self) -> bool:
        """Whether a fault stops a run here, leaves it without energy or makes it wrong."""
        return any(check.status is Status.FAULT for check in self.checks)


def examine(store: Path | str = DEFAULT_STORE) -> Examination:
    """Examine this machine for some ten seconds, on a GPU for twenty; nothing is written.

    `store` is where runs would be written.
    """
    return Examination(tuple(machine.examine(path_argument("store", store))))
