"""What `kernel_cost_model.json` holds. costmodel/ makes it and looks costs up in it."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from .provenance import Provenance
from .scenario import L2

Fit = Literal["linear", "step"]


@dataclass(frozen=True, slots=True)
class Domain:
    """Batch sizes that a curve was measured between, both included."""

    first_tokens: int
    last_tokens: int


@dataclass(frozen=True, slots=True)
class FitError:
    """Leave-one-out error of a curve's fit: each knot predicted from the others.

    Relative, as |predicted / measured - 1|; None where there are fewer than three knots.
    """

    median: float | None
    p95: float | None
    n: int


@dataclass(frozen=True, slots=True)
class CurveModel:
    """Cost of one operation at one shape over batch size.

    `knots_tokens` and `latency_us` are the measured points, which the fit passes through; `fit`
    says what happens between them (docs/model.md). `latency_source` is "kernel" or "wall".
    `energy_mj` and `temp_rise_c` stand over the same knots, or are None with the reason beside.
    """

    curve: str
    op: str
    shape: tuple[int, ...]
    dtype: str
    weight_bits: int | None
    group_size: int | None
    experts: int | None
    active_experts: int | None
    top_k: int | None
    l2: L2
    regime: str
    domain: Domain
    knots_tokens: tuple[int, ...]
    latency_us: tuple[float, ...]
    latency_source: str
    fit: Fit
    error: FitError
    energy_mj: tuple[float, ...] | None
    energy_source: str
    energy_reason: str | None
    temp_rise_c: tuple[float, ...] | None
    temp_rise_reason: str | None


@dataclass(frozen=True, slots=True)
class IntervalScores:
    """How far off predictions between knots are, in units of `max(floor, |log-jump|)`.

    The score of a prediction is |log(predicted / measured)| over the larger of `floor` and the
    log-jump of its bracket: the |log| ratio of the two knots around it. `floor`, at least 0.01, is
    the noise that a flat bracket still has. `quantiles` maps a nominal coverage, in percent,
    to the conformal quantile of `n` scores pooled over the model's curves, None where n is too
    small for it. `method` names where the scores come from.
    """

    method: str
    floor: float
    n: int
    quantiles: dict[str, float | None]


@dataclass(frozen=True, slots=True)
class CostModelFile:
    """The whole of `kernel_cost_model.json`.

    It holds no build time: the same run gives the same bytes.
    """

    SCHEMA: ClassVar[str] = "moeprof.kernel_cost_model/1.0"

    preset: str
    points_sha256: str
    provenance: Provenance
    curves: tuple[CurveModel, ...]
    intervals: IntervalScores
    unmeasured: dict[str, str]
