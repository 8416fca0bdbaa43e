"""What `moeprof steptime predict --json` prints: steps of a model over splits and batches."""

from dataclasses import dataclass
from typing import ClassVar

from ..document import Amount, Count, Positive, Share, Size
from .own_forms import Form


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedRouting:
    """What a routing policy saves of a step, beside the model's own routing.

    `policy` says where its active experts are from. The saved share of the step is in 90 % of such
    steps from `low_share` to `high_share`. What no row tells is None.
    """

    policy: str
    active_experts: Amount
    own_active_experts: Amount
    own_step_us: Positive
    saved_us: float
    saved_share: float
    low_share: float | None
    high_share: float | None
    own_j_per_token: Amount | None
    saved_j_per_token: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedKnown:
    """What rows of the very configuration tell: the form of own_forms.py that predicts.

    Within the range of the rows the interval is that of their own errors (`in_range`).
    `mean_log_errors` are the mean |log(predicted / measured)| of each form on rows that it was not
    fitted to.
    """

    form: Form
    rows: Count
    in_range: bool
    mean_log_errors: dict[Form, Amount]


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedCalibration:
    """What `points` different steps of one's own did: they multiplied the step by `ratio`."""

    points: Size
    ratio: Positive


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedStep:
    """A step of one split and batch.

    Of `batch` requests `running` run, `bounded_by` a setting (None: all run); `fitting_requests`
    have room in the cache. `kind` is the kind of step whose fit predicts. 90 % of such steps lie
    between `low_us` and `high_us`, energies likewise; None where too few rows tell. `parts_us` add
    up to the step. Power is that of all GPUs. `unseen` names what no row had, `beyond` the columns
    outside those of the rows, as multiples of their nearest value (None: no row had any), and
    `not_in_rows` what counts and is in no row; `in_bf16` are the types of arithmetic that the GPU
    has no units for. `kernel_weight` is how far measured kernels count, None without any. `known`
    is there where the very configuration has enough rows, `calibration` with steps of one's own.
    `on_front` says that no other split and batch takes both less time and less energy per token;
    None without an energy.
    """

    tp: Size
    batch: Size
    running: Positive
    bounded_by: str | None
    fitting_requests: Amount
    preemptions_per_request: Amount
    recomputed_tokens_per_request: Amount
    kind: str
    step_us: Positive
    low_us: Positive | None
    high_us: Positive | None
    parts_us: dict[str, float]
    power_w: Amount | None
    j_per_token: Amount | None
    low_j_per_token: Amount | None
    high_j_per_token: Amount | None
    tokens_per_s: Amount
    unseen: tuple[str, ...]
    beyond: dict[str, float | None]
    not_in_rows: tuple[str, ...]
    in_bf16: tuple[str, ...]
    kernel_weight: Share | None
    routing: PredictedRouting | None
    on_front: bool | None
    known: PredictedKnown | None = None
    calibration: PredictedCalibration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedSteps:
    """Steps of one deployment, by each split and batch that was asked for.

    `file` is the step_time_model.json that predicts. Steps decode alone at a context of
    `prompt_tokens` where `output_tokens` is None. `left_out` says why a split has no step, and
    `remarks` are sentences on what puts the steps in doubt, moves or bounds them.
    """

    SCHEMA: ClassVar[str] = "moeprof.predicted_steps/1.0"
    WAY_OUT: ClassVar[str] = "give what `moeprof steptime predict FILE --json` prints"

    file: str
    file_sha256: str
    model: str
    gpu: str
    precision: str
    engine: str
    ep: Size
    dp: Size
    prompt_tokens: Size
    output_tokens: Size | None
    left_out: dict[str, str]
    remarks: tuple[str, ...]
    steps: tuple[PredictedStep, ...]
