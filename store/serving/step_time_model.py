"""The contents of `step_time_model.json`: what a step of a served model takes and draws."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

import msgspec

from ..document import Amount, Count, Positive
from .kernel_fit import KernelFit
from .own_forms import OwnForms
from .queue_model import QueueModel
from .whole_model import WholeModel

Terms = dict[str, Amount]
Method = Literal["physics", "srfa", "blackbox"]
AtLeastOne = Annotated[float, msgspec.Meta(ge=1)]
Target = Literal["mean", "decode"]


@dataclass(frozen=True, slots=True)
class MethodScore:
    """Error of one method on configurations that it was not fitted to.

    Median and 90th percentile of |predicted / measured - 1|, the mean of |predicted - measured| in
    us, and the median of predicted / measured - 1; of `rows` rows.
    """

    median: Amount
    p90: Amount
    mae_us: Amount
    bias: float
    rows: Count


@dataclass(frozen=True, slots=True)
class PhysicsTerms:
    """Coefficients of columns (docs/steptime-method.md); `by_engine` replaces some for an engine.

    `by_vendor` replaces both on GPUs of a vendor that has its own ("AMD", "sglang on AMD"), and
    these on its types of GPU that have rows ("MI300X", "sglang on MI300X").
    `effects` are log ratios by level and member (costmodel/steptime/effects.py).
    """

    coefficients: Terms
    by_engine: dict[str, Terms]
    effects: dict[str, dict[str, float]]
    by_vendor: dict[str, Terms] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SrfaTerms:
    """gamma >= 0 and beta by the names of their features (costmodel/steptime/srfa/).

    `moe_scalar` multiplies the time of the router and of the dispatch to experts.
    """

    gamma: Terms
    moe_scalar: AtLeastOne
    beta: dict[str, float]


@dataclass(frozen=True, slots=True)
class OwnSpread:
    """How configurations differ from their predictions, as logarithms (calibration.py).

    `covariance` is that of level and slopes, row by row; `noise` the variance around the line.
    """

    covariance: tuple[tuple[float, ...], ...]
    noise: Positive


@dataclass(frozen=True, slots=True)
class EnergyScore:
    """Error of power or of joules per token, of configurations that it was not fitted to.

    Median and 90th percentile of |predicted / measured - 1|, the median of predicted / measured -
    1, and by coverage in percent the factor that a value lies within. `unseen_factors` are those
    for a "model", "GPU" or "engine" that no row has; a kind of fewer than three is not there.
    """

    median: Amount
    p90: Amount
    bias: float
    factors: dict[str, Positive]
    unseen_factors: dict[str, dict[str, Positive]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PowerShares:
    """Shares of the TDP by term: pooled, and by the name of a GPU; `effects` as in PhysicsTerms.

    `typical_share` is the median share that GPUs draw, whatever they do, `typical_by_gpu` that of a
    type: the simplest prediction, beside which this one is judged. `at_measured_step` is the error
    of power where the step is known, `j_per_token` that of energy where the step is predicted too.
    """

    shares: Terms
    by_gpu: dict[str, Terms]
    typical_share: Amount
    typical_by_gpu: Terms
    at_measured_step: EnergyScore
    j_per_token: EnergyScore
    rows: Count
    effects: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFit:
    """The fit of one kind of step.

    `method` is the one that predicts; the coefficients of that one are there, the others None.
    `baseline` are the coefficients of the blackbox of all rows, beside which any is judged.
    `units` has the unit of each coefficient: "1" for columns in us, else us per piece. Those of one
    tuple in `only_as_sum` are told apart by models and batches alone: within one model only their
    sum is known. `hyperparameters` were chosen by grouped cross-validation. `scores` are those of
    every method, by name. `models`, `gpus`, `engines` and `precisions` (of a dense model, of
    experts) name those that have rows. `domain` has the smallest and largest value of each column.
    `factors` maps a coverage in percent to the factor that a step lies within. `kernels` says how a
    kernel cost model of one GPU enters; None where it was fitted without. `unseen_factors` are the
    factors for a "model", "GPU", "engine" or "precision" that no row has, from rows of each that
    were left out; a kind of fewer than three is not there, and has the widest of the others.
    `own` is what configurations of enough rows take beside the fit; None where no one has enough.
    """

    method: Method
    physics: PhysicsTerms | None
    srfa: SrfaTerms | None
    blackbox: Terms | None
    baseline: Terms
    units: dict[str, str]
    only_as_sum: tuple[tuple[str, ...], ...]
    hyperparameters: dict[str, float]
    scores: dict[Method, MethodScore]
    models: tuple[str, ...]
    gpus: tuple[str, ...]
    engines: tuple[str, ...]
    domain: dict[str, tuple[Amount, Amount]]
    factors: dict[str, Positive]
    spread: OwnSpread
    rows: Count
    configurations: Count
    kernels: KernelFit | None = None
    unseen_factors: dict[str, dict[str, Positive]] = field(default_factory=dict)
    own: OwnForms | None = None
    precisions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTimeFile:
    """The whole of `step_time_model.json`; it holds no build time and no row.

    `steps` maps a kind of step to its fit: "mean" for the mean step of a closed loop, "decode" for
    one that decodes alone. `absent` says why a kind of step, or "power", is not there. `models` are
    the sizes of the models that have rows, `gpus` the names of the GPUs. `files` maps the files of
    the rows to their sha256, `refused` reasons to rows, `left_out` reasons to single values of
    other rows that were not used. `fingerprints` are eight hexadecimal digits for each row
    (costmodel/steptime/rows/fingerprints.py): such rows are no test of the fit.
    `queue` has the delays of requests by journeys, None without any: then `steps` may be empty.
    """

    SCHEMA: ClassVar[str] = "moeprof.step_time_model/2.2"
    WAY_OUT: ClassVar[str] = "fit one to a folder of rows: moeprof steptime fit DIR"

    steps: dict[Target, StepFit]
    absent: dict[str, str]
    models: tuple[WholeModel, ...]
    gpus: tuple[str, ...]
    power: PowerShares | None
    refused: dict[str, Count]
    left_out: dict[str, Count]
    files: dict[str, str]
    fingerprints: str
    queue: QueueModel | None = None
