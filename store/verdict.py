"""Verdicts: what a comparison concluded, and with which numbers."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class Outcome(StrEnum):
    """Conclusion of a comparison."""

    PASS = "PASS"
    FAIL = "FAIL"
    AMBIGUOUS = "AMBIGUOUS"

    @property
    def exit_code(self) -> int:
        """0, 1, or 125, the code by which `git bisect run` skips a commit."""
        return {Outcome.PASS: 0, Outcome.FAIL: 1, Outcome.AMBIGUOUS: 125}[self]


@dataclass(frozen=True, slots=True)
class HoldoutPoint:
    """One batch size that the fit never saw: measured beside predicted.

    `inside_95` is None where the model gives no interval.
    """

    tokens: int
    measured: float
    predicted: float
    inside_95: bool | None


@dataclass(frozen=True, slots=True)
class CurveVerdict:
    """Prediction error of one quantity of one curve on points that the fit never saw.

    Errors are |predicted / measured - 1|; `bias` is the median of predicted / measured - 1.
    `median_lo` and `median_hi` bound the median error at 95 %, None below 6 points. `floor` is the
    repeatability floor: the median relative difference between two visits of the same point, None
    where no point was visited twice. `coverage_95` is the share of points inside the model's 95 %
    interval. `outcome` follows from `limit` as `reason` says.
    """

    curve: str
    op: str
    metric: str
    n: int
    median: float | None
    p95: float | None
    max: float | None
    bias: float | None
    median_lo: float | None
    median_hi: float | None
    floor: float | None
    coverage_95: float | None
    limit: float
    outcome: Outcome
    reason: str
    points: tuple[HoldoutPoint, ...]


@dataclass(frozen=True, slots=True)
class Validation:
    """Verdict on a cost model; `validation.json`.

    `unmeasured` maps a metric that could not be validated to the reason.
    """

    SCHEMA: ClassVar[str] = "moeprof.validation/1.0"

    against: str
    model: str
    outcome: Outcome
    curves: tuple[CurveVerdict, ...]
    unmeasured: dict[str, str]
