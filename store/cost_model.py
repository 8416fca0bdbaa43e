"""What `kernel_cost_model.json` holds. costmodel/ makes it and looks costs up in it."""

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator

from .provenance import Provenance
from .scenario import L2

Fit = Literal["linear", "step", "step64"]
Source = Literal["measured", "imported"]


@dataclass(frozen=True, slots=True)
class Domain:
    """Batch sizes that a curve was measured between, both included."""

    first_tokens: int
    last_tokens: int


@dataclass(frozen=True, slots=True)
class FitError:
    """Leave-one-out error of a fit: each knot predicted from the others.

    Relative, as |predicted / measured - 1|; None where there are fewer than three knots.
    """

    median: float | None
    p95: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Work:
    """What one call has to do, as a part that is there at any batch size and a part per token.

    Bytes count each operand once; those that are there at any size are the weights. Of a routed
    operation, `bytes_fixed` are the weights of one expert.
    """

    flops_fixed: float
    flops_per_token: float
    bytes_fixed: float
    bytes_per_token: float


@dataclass(frozen=True, slots=True)
class Peaks:
    """What the device can do at best; None for what is not known.

    `flops_per_s` is dense arithmetic by dtype. `source` is the data sheet, or "observed": the best
    that any point of the run reached, which says how two bounds compare but is no limit.
    """

    flops_per_s: dict[str, float]
    bytes_per_s: float | None
    cache_bytes: int | None
    source: str


@dataclass(frozen=True, slots=True)
class Pole:
    """One thermal mass: time constant, s, and resistance to the next, degC/W."""

    tau_s: float
    r_c_per_w: float


@dataclass(frozen=True, slots=True)
class ThermalResponse:
    """A fit to a recorded step in power: poles from fast to slow, above `inlet_c` without power.

    `rmse_c` is the fit's distance from the readings, `hot_s` the longest stretch of the recording
    on one side of its middle power. Where that is shorter than two of the slowest time constants,
    the slowest pole, and with it the steady rise, is a lower bound.
    """

    poles: tuple[Pole, ...]
    inlet_c: float
    rmse_c: float
    hot_s: float

    @property
    def slow_is_bound(self) -> bool:
        """Whether the slowest pole is a lower bound."""
        return self.hot_s < 2 * max(pole.tau_s for pole in self.poles)


@dataclass(frozen=True, slots=True)
class Thermal:
    """How power becomes heat: a steady rise of `r_c_per_w` for each W above idle.

    That is the sum over the poles of the `step`, which `n` readings gave. `leakage_w_per_c` is the
    power that each °C beyond `reference_temp_c` adds under a steady load, and the powers of all
    curves were measured at that temperature in the mean; `leakage_w_per_c_ci95` is the half width
    of its 95 % interval. The three are None together, with the `leakage_reason`. `source` is the
    sensor of the power, None in files before 1.3.
    """

    r_c_per_w: float
    n: int
    step: ThermalResponse
    leakage_w_per_c: float | None = None
    leakage_w_per_c_ci95: float | None = None
    leakage_reason: str | None = None
    reference_temp_c: float | None = None
    source: str | None = None


def _of_a_step(thermal: Any) -> Any:
    """Heat that no step gave, for which files before 1.3 had room, counts as none."""
    return None if isinstance(thermal, dict) and thermal.get("step") is None else thermal


@dataclass(frozen=True, slots=True)
class CurveModel:
    """Cost of one operation at one shape over batch size.

    `knots_tokens` and `latency_us` are the measured points, which the fit passes through; `fit`
    says what happens between them (docs/model.md). `latency_half_95` is the half width of each
    knot's own 95 % interval, as a |log| ratio: None where its calls were too few for one.
    `latency_source` is "kernel" or "wall".
    `energy_mj` stands over the same knots, or is None with the reason beside; energy that was
    measured at some knots only stands over those, `energy_tokens`, and `energy_ci95` is the half
    width of each one's 95 % interval, relative. `sustained_ratio` is what a call takes there
    without a pause before it, over what a single one takes; None counts as 1. `segments` number the
    kernels of each knot, None where no trace tells them. `floor` is the |log| error that a flat
    bracket of this curve still has. `doubtful_tokens` are the knots whose points bear a mark.
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
    floor: float | None = None
    segments: tuple[int, ...] | None = None
    work: Work | None = None
    energy_tokens: tuple[int, ...] | None = None
    energy_ci95: tuple[float, ...] | None = None
    sustained_ratio: tuple[float, ...] | None = None
    doubtful_tokens: tuple[int, ...] = ()
    power_error: FitError | None = None
    idle_power_w: float | None = None
    gap_us: tuple[float, ...] | None = None
    latency_half_95: tuple[float | None, ...] | None = None


@dataclass(frozen=True, slots=True)
class SurfaceModel:
    """Cost of a routed operation over (tokens, experts that get any of them).

    `coefficients_us` are those of 1, of experts, of tokens, and of rows per expert beyond one tile
    of `tile_rows`; each knot's ratio to that sum is kept, so that knots are exact.
    `half_width_95` is the half width of the fit's 95 % interval, as a |log| ratio, `half_widths`
    those at other nominal coverages, in percent, and `latency_half_95` that of each knot, as in a
    curve. Energy stands over `energy_knots`, numbers of knots counted from 0, and so do its
    interval and ratio, which mean what they do in a curve. `doubtful_knots` are those whose points
    bear a mark.
    """

    surface: str
    op: str
    shape: tuple[int, ...]
    dtype: str
    weight_bits: int | None
    group_size: int | None
    experts: int | None
    top_k: int
    l2: L2
    regime: str
    knots_tokens: tuple[int, ...]
    knots_experts: tuple[int, ...]
    latency_us: tuple[float, ...]
    latency_source: str
    coefficients_us: tuple[float, float, float, float]
    tile_rows: int
    error: FitError
    half_width_95: float
    energy_reason: str | None
    work: Work | None = None
    latency_half_95: tuple[float | None, ...] | None = None
    half_widths: dict[str, float] = field(default_factory=dict)
    energy_mj: tuple[float, ...] | None = None
    energy_source: str = "unavailable"
    energy_knots: tuple[int, ...] = ()
    energy_ci95: tuple[float, ...] | None = None
    sustained_ratio: tuple[float, ...] | None = None
    power_error: FitError | None = None
    idle_power_w: float | None = None
    doubtful_knots: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class IntervalScores:
    """How far off predictions between knots are, in units of `max(floor, |log-jump|)`.

    The score of a prediction is |log(predicted / measured)| over the larger of the curve's `floor`
    (this one where the curve has none) and the log-jump of its bracket: the |log| ratio of the two
    knots around it. `quantiles` maps a nominal coverage, in percent, to the conformal quantile of
    `n` scores pooled over the model's curves, None where n is too small for it. `method` names
    where the scores come from. `drift_95` bounds, at 95 %, what a doubling of the batch size beyond
    the domain adds to a |log| error, from `drift_n` predictions of the model's own upper halves.
    """

    method: str
    floor: float
    n: int
    quantiles: dict[str, float | None]
    drift_95: float | None = None
    drift_n: int = 0


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose measurements these are, where they are not our own."""

    project: str
    commit: str
    licence: str
    files: dict[str, str]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CostModelFile:
    """The whole of `kernel_cost_model.json`.

    It holds no build time: the same run gives the same bytes. `origin` is None unless `source` is
    "imported". `sha256` is the digest of all the rest, None in files before 1.2.
    """

    # History, newest first. 1.3: energy, doubts and more intervals of surfaces, the source of heat,
    # the interval of leakage; curves lost `temp_rise_c` and its reason, which nothing ever filled.
    # 1.2: each knot's own interval, the poles of a recorded step, the ratio of sustained to single
    # calls, the digest. 1.1: fit step64, roofline and work, floors by curve, energy at some knots,
    # surfaces over active experts, heat, imports. 1.0: the first.
    SCHEMA: ClassVar[str] = "moeprof.kernel_cost_model/1.3"

    preset: str
    points_sha256: str
    provenance: Provenance
    curves: tuple[CurveModel, ...]
    intervals: IntervalScores
    unmeasured: dict[str, str]
    source: Source = "measured"
    origin: Origin | None = None
    peaks: Peaks | None = None
    thermal: Annotated[Thermal | None, BeforeValidator(_of_a_step)] = None
    thermal_reason: str | None = None
    surfaces: tuple[SurfaceModel, ...] = ()
    sha256: str | None = None
