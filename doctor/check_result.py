"""The result of one of doctor's checks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Status(StrEnum):
    """What a result means for a sweep on this machine.

    A fault stops the sweep, leaves it without energy or makes its results wrong; a warning costs
    less than that; a skip is a check that does not apply here, or that could not be made.
    """

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check: the evidence, what a fault costs the user, and how to mend it.

    `values` are the numbers of the evidence for a program; each name ends in its unit, and None is
    what could not be measured.
    """

    check: str
    status: Status
    evidence: str
    cost: str = ""
    remedy: str = ""
    values: Mapping[str, float | None] = field(default_factory=dict)
