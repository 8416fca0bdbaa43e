"""The verdict of `moeprof steptime validate`: errors of steps and energy, by group of rows."""

from dataclasses import dataclass
from typing import ClassVar

from ..document import Amount, Count, Positive, Share
from .parts import Finding, Outcome


@dataclass(frozen=True, slots=True)
class Estimate:
    """A statistic of rows, and its 95 % interval by a bootstrap over configurations.

    `low` and `high` are None below 6 configurations, whose rows cannot tell.
    """

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class GroupScore:
    """Errors of one group of rows; shares, not percent.

    `by` is what groups the rows, "all" for all of them. `median` and `p90` are quantiles of
    |predicted / measured - 1|, `mae` is the mean of |predicted - measured| in the unit of the
    quantity, `bias` the median of predicted / measured - 1. `coverage` is the share of rows within
    their intervals of 90 %, None where the model gives none. `baselines` has the median error of
    each simpler prediction, by name.
    """

    by: str
    group: str
    rows: Count
    configurations: Count
    median: Estimate
    p90: Estimate
    mae: Amount
    bias: Estimate
    coverage: Estimate | None
    baselines: dict[str, Amount]


@dataclass(frozen=True, slots=True)
class StepLimits:
    """The largest median error and 90th percentile that pass, and the smallest coverage.

    `source` says where they are from.
    """

    median: Positive
    p90: Positive
    coverage: Share
    source: str


@dataclass(frozen=True, slots=True)
class QuantityVerdict:
    """The verdict on one quantity, in `unit`; the scores of all rows come first."""

    quantity: str
    unit: str
    limits: StepLimits
    outcome: Outcome
    findings: tuple[Finding, ...]
    scores: tuple[GroupScore, ...]

    @property
    def whole(self) -> GroupScore:
        """The score of all rows."""
        return self.scores[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepValidation:
    """The whole verdict.

    `model` names the file that was judged, by `model_sha256`; both are None where fits of the rows
    alone were judged, each without what `left_out` names. `data` names the folder of the rows, and
    `files` its files by their sha256. `refused` counts the rows that cannot be true by reason,
    `fitted_rows` those that the file was fitted to, which are no test. `unjudged` says why a
    quantity has no verdict.
    """

    SCHEMA: ClassVar[str] = "moeprof.step_validation/1.0"
    WAY_OUT: ClassVar[str] = "make it anew with `moeprof steptime validate --json`"

    model: str | None
    model_sha256: str | None
    left_out: str | None
    data: str
    files: dict[str, str]
    outcome: Outcome
    quantities: tuple[QuantityVerdict, ...]
    unjudged: dict[str, str]
    fitted_rows: Count
    refused: dict[str, Count]
