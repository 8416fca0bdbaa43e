"""The parts of a verdict: outcomes, limits, what was found at a size, in a band, of intervals."""

from dataclasses import dataclass
from enum import StrEnum

from ..document import Amount, Count, Positive, Share, Size


class Outcome(StrEnum):
    """Conclusion of a comparison."""

    PASS = "PASS"
    FAIL = "FAIL"
    AMBIGUOUS = "AMBIGUOUS"

    @property
    def exit_code(self) -> int:
        """0, 1, or 125, the code by which `git bisect run` skips a commit."""
        return {Outcome.PASS: 0, Outcome.FAIL: 1, Outcome.AMBIGUOUS: 125}[self]


class Cause(StrEnum):
    """What keeps a comparison from PASS."""

    ERROR = "error"  # the error is beyond its limit, by more than the machine fails to repeat
    NOISE = "noise"  # repeats differ by too much to tell, or the machine was not quiet
    STRADDLE = "straddle"  # the interval of the error has the limit within
    FEW = "few"  # fewer sizes were compared than a verdict needs
    UNSEEN = "unseen"  # no size of a band was compared


def error_between(predicted: float, measured: float) -> float:
    """The larger of the predicted and the measured value over the smaller, less 1.

    A model that is twice as fast as the device is as wrong as one that is twice as slow: 1.0.
    Both values are positive and of one unit.
    """
    ratio = predicted / measured
    return max(ratio, 1 / ratio) - 1


@dataclass(frozen=True, slots=True)
class HoldoutPoint:
    """One held-out batch size: the measured value and the prediction.

    `inside_95` is whether the measured value lies inside the model's 95 % interval; None where the
    model gives no interval. `inside_80` and `inside_50` likewise. `half_95` is the half width of
    that interval, a |log| ratio; of a size of the model's own run, without what the interval holds
    for another run (`turns_95` of the model). `repeat` is the relative difference between the
    repeats of the size, None where it was measured once. `disturbed` is whether the machine was not
    quiet during each of them.
    """

    tokens: Size
    measured: Positive
    predicted: Positive
    inside_95: bool | None
    inside_80: bool | None = None
    inside_50: bool | None = None
    half_95: Amount | None = None
    repeat: Amount | None = None
    disturbed: bool = False


@dataclass(frozen=True, slots=True)
class Disturbed:
    """Of `n` sizes, `count` were measured only while the machine was not quiet."""

    count: Count
    n: Count

    @property
    def is_most(self) -> bool:
        """Whether more than half of the sizes were."""
        return 2 * self.count > self.n


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that keeps a comparison from PASS: its cause, and `reason`, a clause with numbers.

    `outcome` is FAIL or AMBIGUOUS.
    """

    cause: Cause
    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True)
class ErrorLimits:
    """The largest errors that pass, relative.

    `median` is that of the median over all sizes and `band` that of the median in one band; of 20
    sizes one may be beyond `p95`, and none beyond `worst`.
    """

    median: Positive
    band: Positive
    p95: Positive
    worst: Positive


@dataclass(frozen=True, slots=True)
class BandVerdict:
    """Prediction errors at the held-out sizes of one band of batch size.

    The band is from `first` to `last` tokens, without an end where `last` is None. The largest
    error, `worst`, is that at `worst_tokens`. The errors are None where `n` is 0.
    """

    first: Size
    last: Size | None
    n: Count
    median: Amount | None
    worst: Amount | None
    worst_tokens: Size | None
    outcome: Outcome
    findings: tuple[Finding, ...]

    @property
    def name(self) -> str:
        """`1-8`, `9-64` or `65+`."""
        return f"{self.first}+" if self.last is None else f"{self.first}-{self.last}"

    def __contains__(self, tokens: int) -> bool:
        return self.first <= tokens and (self.last is None or tokens <= self.last)


@dataclass(frozen=True, slots=True)
class IntervalQuality:
    """How well the model's intervals fit the errors at `n` held-out sizes.

    `coverage_95` is the share of sizes inside the 95 % interval, `coverage_80` and `coverage_50`
    likewise. `half_width_95` is the median half width at 95 % and `score_95` the mean interval
    score (stats/interval_score.py), both as |log| ratios. `times_too_wide` is the factor by which
    the 95 % intervals could be divided and still cover 95 % of these sizes. `remark` is what a
    reader should know of it, None where the intervals fit.
    """

    n: Count
    coverage_50: Share
    coverage_80: Share
    coverage_95: Share
    half_width_95: Amount
    score_95: Amount
    times_too_wide: Positive
    remark: str | None


@dataclass(frozen=True, slots=True)
class RunShift:
    """How another run differs from the one that the model was built from.

    `common` is the relative change of time that most curves share, 0.08 where they take 8 % longer;
    None where no such change is told. `alone` are the curves that changed by more or less than
    that, each with its own relative change, the common one included. `floor` is the median relative
    difference of one size between the two runs beside the common change, over the `n` sizes that
    both measured; None where they are too few. `told` is whether the common change is large enough
    to matter. `own_sizes` counts the sizes of the model's own run that were disturbed; None in
    files before 1.4.
    """

    common: float | None
    alone: dict[str, float]
    floor: Amount | None
    n: Count
    told: bool
    own_sizes: Disturbed | None = None

    def beside(self, change: float) -> float:
        """What is left of a relative change when the common one is taken off."""
        return (1 + change) / (1 + (self.common or 0.0)) - 1
