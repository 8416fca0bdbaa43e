"""Verdicts: what a comparison concluded, and with which numbers."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

MIN_HELD_OUT: Final = 6  # below, a median error has no 95 % interval (stats/median.py)
MIN_SIZES: Final = 24  # of these a plan holds out as many (scenarios/plan.py)
HOLD_OUT_MORE: Final = (
    f"profile at least {MIN_SIZES} batch sizes: {MIN_HELD_OUT} of them are then held out,"
    " the fewest that give a verdict"
)


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

    `inside_95` tells whether the measured value lies in the model's 95 % interval, `inside_80` and
    `inside_50` likewise; None where the model gives no interval.
    """

    tokens: int
    measured: float
    predicted: float
    inside_95: bool | None
    inside_80: bool | None = None
    inside_50: bool | None = None


@dataclass(frozen=True, slots=True)
class CurveVerdict:
    """Prediction error of one quantity of one curve on points that the fit never saw.

    Errors are |predicted / measured - 1|; `mape` is their mean, `bias` the median of
    predicted / measured - 1. `median_lo` and `median_hi` bound the median error at 95 %, None below
    6 points. `floor` is the repeatability floor: the median relative difference between two visits
    of the same point, None where no point was visited twice. `coverage_95` is the share of points
    inside the model's 95 % interval, `coverage_80` and `coverage_50` likewise. `outcome` follows
    from `limit` as `reason` says.
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
    mape: float | None = None
    coverage_80: float | None = None
    coverage_50: float | None = None


@dataclass(frozen=True, slots=True)
class MixedWorkloadVerdict:
    """The energy of a mixed replay: the sum of predictions beside what a meter saw.

    `predicted_j` is `launches_j`, the model's energy of each launch, and `gap_j`, idle power over
    the `gap_s` of `window_s` in which nothing ran; each is None where it is not known.
    `measured_j` has `measured_ci95_j` as the half width of its 95 % interval, by `energy_source`.
    `error` is predicted / measured - 1. `power_coverage` is the share of the time in which
    something ran whose energy the model has from measurements; below `coverage_gate` nothing is
    predicted. `marks` are doubts about the measurement. `outcome` follows from `limit` as `reason`
    says.
    """

    window_s: float | None
    gap_s: float | None
    stretches: int
    launches_j: float | None
    gap_j: float | None
    predicted_j: float | None
    measured_j: float | None
    measured_ci95_j: float | None
    energy_source: str
    error: float | None
    power_coverage: float | None
    coverage_gate: float
    limit: float
    outcome: Outcome
    reason: str
    marks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sensor:
    """What power and energy were held against, and how well it is known by itself.

    `gain_uncertainty` is the relative error of the sensor's own scale, with where that is from. It
    is in no error of this verdict: model and measurement share it. None where it is not known.
    """

    energy_source: str
    gain_uncertainty: float | None
    gain_reason: str


@dataclass(frozen=True, slots=True)
class Validation:
    """Verdict on a cost model; `validation.json`.

    `unmeasured` maps a metric that could not be validated to the reason. `replay` is None where the
    measurements hold no mixed replay, `sensor` where they hold no energy.
    """

    # History, newest first. 1.1: MAPE, coverage at 80 and 50 %, the mixed replay, the sensor. 1.0:
    # the first.
    SCHEMA: ClassVar[str] = "moeprof.validation/1.1"

    against: str
    model: str
    outcome: Outcome
    curves: tuple[CurveVerdict, ...]
    unmeasured: dict[str, str]
    replay: MixedWorkloadVerdict | None = None
    sensor: Sensor | None = None
