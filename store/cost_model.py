"""The contents of `kernel_cost_model.json`. costmodel/ builds it and looks costs up in it."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from .document import MAX_LOG_RATIO, Amount, Count, LogRatio, Positive, Share, Size, Small
from .earlier.cost_model import updated_model
from .fitted_runs import FittedRun, LayerSizes
from .provenance import EnergySource, Provenance
from .scenario import SurfaceKey

Fit = Literal["linear", "step", "step64"]
Source = Literal["measured", "imported"]


@dataclass(frozen=True, slots=True)
class Domain:
    """Smallest and largest measured batch size of a curve, both included."""

    first_tokens: Size
    last_tokens: Size


@dataclass(frozen=True, slots=True)
class FitError:
    """Leave-one-out error of a fit: each knot predicted from the others.

    Relative, |predicted / measured - 1|, of `n` knots; None below three knots.
    """

    median: Amount | None
    p95: Amount | None
    n: Count

    @property
    def log_ratio(self) -> float | None:
        """`p95` as a |log| ratio: at most MAX_LOG_RATIO, at which nothing is known."""
        return None if self.p95 is None else min(self.p95, MAX_LOG_RATIO)


@dataclass(frozen=True, slots=True)
class Work:
    """Work of one call, as a fixed part and a part per token.

    Bytes count each operand once; the fixed ones are the weights. In a routed operation
    `bytes_fixed` are the weights of one expert.
    """

    flops_fixed: float
    flops_per_token: float
    bytes_fixed: float
    bytes_per_token: float


@dataclass(frozen=True, slots=True)
class ExpertWork:
    """Work of one call: `rest`, and `flops` and `bytes_moved` of each active expert.

    As many are active as `routing`, in words, of tokens to `top_k` of `experts` over `ranks` gives.
    """

    rest: Work
    flops: float
    bytes_moved: float
    routing: str
    experts: Size
    top_k: Size
    ranks: Size = 1


@dataclass(frozen=True, slots=True)
class Peaks:
    """Peak rates of the device; None where unknown.

    `flops_per_s` is the dense rate by dtype. `source` names the data sheet, or is "observed": the
    highest rate of any point of the run. An observed rate ranks two bounds, but is not a limit.
    """

    flops_per_s: dict[str, Positive]
    bytes_per_s: Positive | None
    cache_bytes: Count | None
    source: str


@dataclass(frozen=True, slots=True)
class Pole:
    """One first-order term of the thermal response: time constant in s, resistance in degC/W."""

    tau_s: Positive
    r_c_per_w: Positive


@dataclass(frozen=True, slots=True)
class ThermalResponse:
    """Poles fitted to a recorded step in power, from fast to slow.

    `inlet_c` is the temperature without power. `rmse_c` is the root mean square distance of the fit
    from the readings. `hot_s` is the longest time that the power stayed on one side of the middle
    between its minimum and its maximum.
    """

    poles: tuple[Pole, ...]
    inlet_c: float
    rmse_c: Amount
    hot_s: Positive

    @property
    def slow_is_bound(self) -> bool:
        """Whether the slowest pole is a lower bound: the step lasted less than two of its taus."""
        return self.hot_s < 2 * max(pole.tau_s for pole in self.poles)


@dataclass(frozen=True, slots=True)
class Thermal:
    """How power becomes a rise in temperature.

    `r_c_per_w` is the steady rise per W above idle, the sum over the poles of `step`, which were
    fitted to `n` readings. `leakage_w_per_c` is the power that each °C beyond `reference_temp_c`
    adds under the same load, with the half width of its 95 % interval; `reference_temp_c` is the
    mean temperature at which the powers of the curves were measured. These three are None together,
    for the `leakage_reason`. `source` names the power sensor, None in files before 1.3.
    """

    r_c_per_w: Positive
    n: Count
    step: ThermalResponse
    leakage_w_per_c: float | None = None
    leakage_w_per_c_ci95: Amount | None = None
    leakage_reason: str | None = None
    reference_temp_c: float | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedOp(SurfaceKey):
    """What the models of a curve and of a surface share. In the file the fields lie flat.

    `knots_tokens` are the batch sizes of the knots, the measured points; `latency_us` are the
    latencies there, which the fit passes through, and `latency_half_95` the half width of the 95 %
    interval of each, as a |log| ratio: None for a knot of too few calls. `left_out` is the |log|
    error of each knot when it is predicted from the others; None in files before 1.5.
    `latency_source` is "kernel" or "wall".

    Energy, its interval and the ratio each have one value per metered knot, or are None.
    `energy_mj` is the energy per call, for whose absence, whole or in part, `energy_reason` gives
    the reason. `energy_ci95` is the half width of its 95 % interval, relative. `sustained_ratio` is
    the time per call under a steady load over that of a single call; None counts as 1.
    `power_error` is the leave-one-out error of power.
    """

    knots_tokens: tuple[Size, ...]
    latency_us: tuple[Positive, ...]
    latency_source: str
    latency_half_95: tuple[LogRatio | None, ...] | None = None
    left_out: tuple[LogRatio, ...] | None = None
    error: FitError
    work: Work | None = None
    energy_mj: tuple[Positive, ...] | None
    energy_source: str
    energy_reason: str | None
    energy_ci95: tuple[LogRatio, ...] | None = None
    sustained_ratio: tuple[Positive, ...] | None = None
    power_error: FitError | None = None
    idle_power_w: Amount | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveModel(FittedOp):
    """Cost of one operation at one shape over batch size. `curve` is its name.

    `fit` says how to interpolate between two knots (docs/model.md). `noise` is the scale of the
    |log| error in a bracket whose two knots have the same latency, `jump_share` the part of a
    bracket's log-jump that the scale grows by. `segments` gives knots with the same kernels the
    same number, None where no trace names the kernels. `gap_us` is the time between the kernels of
    one call, per knot. `energy_tokens` are the metered knots, None where all are. `doubtful_tokens`
    are the knots whose points have flags, `unconfirmed_tokens` those of which no two repeats agree,
    or that were measured once; none before 1.5. `expert_work`, none before 1.9, is that of routed
    operations without a `work`.
    """

    curve: str
    active_experts: Small | None
    domain: Domain
    fit: Fit
    noise: LogRatio
    jump_share: Amount
    segments: tuple[int, ...] | None = None
    gap_us: tuple[Amount, ...] | None = None
    energy_tokens: tuple[Size, ...] | None = None
    doubtful_tokens: tuple[Size, ...] = ()
    unconfirmed_tokens: tuple[Size, ...] = ()
    expert_work: ExpertWork | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceModel(FittedOp):
    """Cost of a routed operation over (tokens, active experts). `surface` is its name.

    `knots_experts` are the active experts of each knot: those that get a token. The latency is the
    sum of four terms, with `coefficients_us`: 1, experts, tokens, and rows per expert beyond one
    tile of `tile_rows`; multiplied by the ratio of the nearest knots to that sum, so that knots are
    exact. `half_width_95` is the half width of the fit's 95 % interval, as a |log| ratio, and
    `half_widths` those at the other nominal coverages, in percent. `energy_knots` are the places of
    the metered knots, counted from 0, `doubtful_knots` those of the knots whose points have flags,
    `unconfirmed_knots` those that were measured once, or of which no two repeats agree.
    """

    surface: str
    top_k: Small
    knots_experts: tuple[Size, ...]
    coefficients_us: tuple[Amount, Amount, Amount, Amount]
    tile_rows: Size
    half_width_95: LogRatio
    half_widths: dict[str, LogRatio] = field(default_factory=dict)
    energy_mj: tuple[Positive, ...] | None = None
    energy_source: str = EnergySource.UNAVAILABLE.value
    energy_knots: tuple[Count, ...] = ()
    doubtful_knots: tuple[Count, ...] = ()
    unconfirmed_knots: tuple[Count, ...] = ()


@dataclass(frozen=True, slots=True)
class IntervalScores:
    """Conformal scores, from which the intervals between knots follow.

    The score of a prediction is |log(predicted / measured)| divided by the scale of the error
    there (docs/model.md). `quantiles` maps a nominal coverage, in percent, to the conformal
    quantile of the `n` scores of all curves and 25 of Student's t. `method` names the points that
    were scored. `drift_95` is the 95 % bound on the |log| error that each doubling of the batch
    size beyond the domain adds, from `drift_n` predictions of the upper half of a curve from its
    lower half. `shared` is the part of the variance of errors that is common to all curves, as of a
    slow minute: half of it where nothing is known. `turns_95` is the half width at 95 % of what all
    points of a curve share because they were measured in the same two turns, as a |log| ratio: it
    is added to the others in quadrature. None where no curve had two turns.
    """

    method: str
    n: Count
    quantiles: dict[str, Amount]
    drift_95: LogRatio | None = None
    drift_n: Count = 0
    shared: Share = 0.5
    turns_95: LogRatio | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Who published the measurements of an imported model, with the sha256 of each file."""

    project: str
    commit: str
    licence: str
    files: dict[str, str]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CostModelFile:
    """The whole of `kernel_cost_model.json`.

    It holds no build time: the same run gives the same bytes. `unmeasured` maps the operations and
    curves without a fit to the reason. `origin` is None unless `source` is "imported". `sha256` is
    the digest of all other fields, None in files before 1.2 alone. `runs` are the runs that it was
    fitted to, the one that it lies in first; none in files before 1.4 and of imports. `layers` are
    those that the runs measured; none in files before 1.6 and of imports.
    """

    # History, newest first. 1.9: work by active experts. 1.8: the format of a layer's weights.
    # 1.7: a layer's parts, and what it takes beside their sum. 1.6: variants, layers. 1.5: scales
    # of errors in place of `floor`; turns; unconfirmed knots. 1.4: runs. 1.3: energy and flags of
    # surfaces, leakage; no `temp_rise_c`. 1.2: knots' intervals, poles, sustained ratio, digest.
    # 1.1: fit step64, roofline and work, energy at some knots, surfaces, heat, imports. 1.0: first.
    SCHEMA: ClassVar[str] = "moeprof.kernel_cost_model/1.9"
    WAY_OUT: ClassVar[str] = "build the model anew: moeprof build-model RUN"

    preset: str
    points_sha256: str
    provenance: Provenance
    curves: tuple[CurveModel, ...]
    intervals: IntervalScores
    unmeasured: dict[str, str]
    source: Source = "measured"
    origin: Origin | None = None
    peaks: Peaks | None = None
    thermal: Thermal | None = None
    thermal_reason: str | None = None
    surfaces: tuple[SurfaceModel, ...] = ()
    sha256: str | None = None
    runs: tuple[FittedRun, ...] = ()
    layers: tuple[LayerSizes, ...] = ()

    @property
    def fitted(self) -> tuple[FittedOp, ...]:
        """The curves, then the surfaces."""
        return (*self.curves, *self.surfaces)

    @staticmethod
    def updated(body: dict[str, Any]) -> dict[str, Any]:
        """The body of a file of any minor, in the form of the current one."""
        return updated_model(body)
