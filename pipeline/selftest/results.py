"""What a selftest leaves: its steps and its claims, `selftest.json`."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from ...store.document import Amount, Positive
from ...store.text.shareable import share

Facts = dict[str, Any]  # what a step found, as it stands in results/STEP.json


class StepOutcome(StrEnum):
    """How a step ended."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


class ClaimOutcome(StrEnum):
    """What was shown of a claim."""

    PASS = "PASS"
    FAIL = "FAIL"
    SKIP = "SKIP"


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step: how it ended, in how much time of that which it had, and why where not well.

    `by_budget` says that the budget left it out or cut it off: then it is skipped, however it would
    have ended. What it found until then lies in a file of its own.
    """

    step: str
    outcome: StepOutcome
    limit_s: Amount
    took_s: Amount
    reason: str | None = None
    by_budget: bool = False

    def __post_init__(self) -> None:
        share(self, "reason")


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim with what was measured of it.

    `value` and `limit` are in `unit`; the claim holds where the value is at most the limit, or at
    least where `at_least`. `value` is None where nothing was measured, and `reason` says why. Else
    `reason` says what the value is made of, or why it is not judged.
    """

    claim: str
    step: str
    outcome: ClaimOutcome
    value: float | None
    unit: str
    limit: float
    at_least: bool
    reason: str

    def __post_init__(self) -> None:
        share(self, "reason")


@dataclass(frozen=True, slots=True)
class Selftest:
    """A selftest so far; `selftest.json`.

    `device` is "cpu" or "cuda:N", both names None until a step has told. `ended` is False where it
    was interrupted, or is still running. `left_out` names the files that the archive has no room
    for.
    """

    SCHEMA: ClassVar[str] = "moeprof.selftest/1.1"
    WAY_OUT: ClassVar[str] = "run `moeprof selftest` again"

    utc: str
    version: str
    budget_s: Positive
    device: str | None
    device_name: str | None
    ended: bool
    steps: tuple[StepResult, ...]
    claims: tuple[Claim, ...]
    left_out: tuple[str, ...] = ()

    @property
    def is_cut_short(self) -> bool:
        """Whether the budget left out or cut off any step."""
        return any(one.by_budget for one in self.steps)

    @property
    def has_fail(self) -> bool:
        """Whether any claim does not hold."""
        return any(one.outcome is ClaimOutcome.FAIL for one in self.claims)
