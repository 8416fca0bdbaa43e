"""Verdicts of comparisons, with the numbers behind them; `validation.json`."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf
from typing import ClassVar, Final

from ..document import Amount, Count, Positive, Share
from .parts import (
    BandVerdict,
    Disturbed,
    ErrorLimits,
    Finding,
    HoldoutPoint,
    IntervalQuality,
    Outcome,
    RunShift,
)

MIN_HELD_OUT: Final = 6  # below, a median error has no 95 % interval (stats/median.py)
MIN_SIZES: Final = 24  # a plan of as many sizes holds out MIN_HELD_OUT (scenarios/plan.py)
HOLD_OUT_MORE: Final = (
    f"profile at least {MIN_SIZES} batch sizes: {MIN_HELD_OUT} of them are then held out,"
    " the fewest that give a verdict"
)
ANOTHER_MODEL: Final = "this verdict is on an earlier model: make it anew with `moeprof validate`"


@dataclass(frozen=True, slots=True)
class CurveVerdict:
    """Prediction error of one quantity of one curve on its held-out points.

    The error of a point is the larger of its predicted and its measured value over the smaller,
    less 1 (before 1.4 |predicted / measured - 1|): `median`, `p95` and `max` over `n` points.
    `mape` is the mean of |predicted / measured - 1|, `bias` the median of predicted / measured - 1.
    `median_lo` and `median_hi` are the bounds of the median error at 95 %, None below 6 points.
    `floor` is the repeatability floor, the median relative difference between two repeats of a
    point, or between two runs where that is larger; None where no point was repeated. `coverage_95`
    is the share of points inside the model's 95 % interval, `coverage_80` and `coverage_50`
    likewise. `limit` is that of the median, and `limits` holds the others; None, as `bands` is
    empty, in files before 1.3, whose verdict is on the median alone. `findings` are those on all
    sizes; each band has its own. `left_out` names the sizes that could not be compared, with the
    reason. `reason` says how `outcome` follows.
    """

    curve: str
    op: str
    metric: str
    n: Count
    median: Amount | None
    p95: Amount | None
    max: Amount | None
    bias: float | None
    median_lo: Amount | None
    median_hi: Amount | None
    floor: Amount | None
    coverage_95: Share | None
    limit: Positive
    outcome: Outcome
    reason: str
    points: tuple[HoldoutPoint, ...]
    mape: Amount | None = None
    coverage_80: Share | None = None
    coverage_50: Share | None = None
    limits: ErrorLimits | None = None
    bands: tuple[BandVerdict, ...] = ()
    findings: tuple[Finding, ...] = ()
    left_out: tuple[str, ...] = ()
    intervals: IntervalQuality | None = None

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """Findings on all sizes and on each band."""
        return (*self.findings, *(found for band in self.bands for found in band.findings))


@dataclass(frozen=True, slots=True)
class MixedWorkloadVerdict:
    """Energy of a mixed workload: the sum of the model's predictions and the measured energy.

    `predicted_j` is the sum of `launches_j`, the energy of all launches, and `gap_j`, idle power in
    the `gap_s` of `window_s` in which nothing ran; each is None where unknown. `measured_j` comes
    from `energy_source`, and `measured_ci95_j` is the half width of its 95 % interval. `error` is
    predicted / measured - 1. `power_coverage` is the share of the busy time for which the model has
    measured energy; below `coverage_gate` nothing is predicted. `stretches` is the number of
    segments, `marks` are flags on the measurement. `reason` says how `outcome` follows from
    `limit`.
    """

    window_s: Amount | None
    gap_s: Amount | None
    stretches: Count
    launches_j: Amount | None
    gap_j: Amount | None
    predicted_j: Amount | None
    measured_j: Amount | None
    measured_ci95_j: Amount | None
    energy_source: str
    error: float | None
    power_coverage: Amount | None
    coverage_gate: Share
    limit: Positive
    outcome: Outcome
    reason: str
    marks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sensor:
    """The sensor of the measured power and energy.

    `gain_uncertainty` is the relative uncertainty of its scale, None where unknown, and
    `gain_reason` the source of that number. It is part of no error of this verdict, because model
    and measurement share the sensor.
    """

    energy_source: str
    gain_uncertainty: Amount | None
    gain_reason: str


@dataclass(frozen=True, slots=True)
class Validation:
    """Verdict on a cost model; `validation.json`.

    `against` is "holdout" or "nvml". `unmeasured` maps a metric that could not be compared to the
    reason. `replay` is None where no mixed workload was measured, `sensor` where no energy was.
    `model_sha256` is the digest that the judged model holds of itself, None in files before 1.2.
    `validated_utc` is when, `intervals` maps a metric to the intervals of all curves together, and
    `shift` compares another run as a whole; each is None or empty in files before 1.3.
    """

    # History, newest first. 1.4: sizes that were measured while the machine was not quiet, errors
    # by the ratio of the larger value to the smaller. 1.3: the date, limits, bands and findings,
    # intervals by their width and score, repeats by size, the shift of another run. 1.2: the digest
    # of the model. 1.1: MAPE, coverage at 80 and 50 %, the mixed workload, the sensor. 1.0: the
    # first.
    SCHEMA: ClassVar[str] = "moeprof.validation/1.4"
    WAY_OUT: ClassVar[str] = "delete it, and make it anew with `moeprof validate`"

    against: str
    model: str
    outcome: Outcome
    curves: tuple[CurveVerdict, ...]
    unmeasured: dict[str, str]
    replay: MixedWorkloadVerdict | None = None
    sensor: Sensor | None = None
    model_sha256: str | None = None
    validated_utc: str | None = None
    intervals: dict[str, IntervalQuality] = field(default_factory=dict)
    shift: RunShift | None = None

    @property
    def date(self) -> str | None:
        """The day of the verdict, as 2026-11-30."""
        return None if self.validated_utc is None else self.validated_utc[:10]

    @property
    def limits(self) -> dict[str, float]:
        """The limit on the median error by metric."""
        return {curve.metric: curve.limit for curve in self.curves}

    @property
    def disturbed(self) -> Disturbed:
        """Of the sizes that were compared in any quantity, those of a machine not quiet."""
        return disturbed_sizes(self.curves)

    @property
    def strictest(self) -> float:
        """The smallest of these limits; infinite where nothing was compared."""
        return min(self.limits.values(), default=inf)

    def is_laxer_than(self, other: "Validation") -> bool:
        """Whether the other is on the same model, and under a smaller limit on some metric."""
        mine, theirs = self.limits, other.limits
        stricter = any(theirs[metric] < mine[metric] for metric in mine.keys() & theirs.keys())
        return stricter and self.is_on(other.model_sha256)

    def is_on(self, model_sha256: str | None) -> bool:
        """Whether this verdict is on the model of this digest; True where one is unknown."""
        return None in (self.model_sha256, model_sha256) or self.model_sha256 == model_sha256


def disturbed_sizes(curves: Iterable[CurveVerdict]) -> Disturbed:
    """Count the sizes of some curves, and those where any quantity met a machine not quiet."""
    sizes: dict[tuple[str, int], bool] = {}
    for curve in curves:
        for point in curve.points:
            size = (curve.curve, point.tokens)
            sizes[size] = sizes.get(size, False) or point.disturbed
    return Disturbed(sum(sizes.values()), len(sizes))
