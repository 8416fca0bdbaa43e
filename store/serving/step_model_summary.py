"""What `moeprof steptime show` tells of a `step_time_model.json`, without its coefficients."""

from dataclasses import dataclass
from typing import ClassVar

from ..document import Count, Positive, Size
from .kernel_fit import KernelFit
from .queue_model import QueueModel
from .step_time_model import EnergyScore, Method, MethodScore, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class StepsSummary:
    """The fit of one kind of step: its form, and how well each form predicts.

    90 % of the steps of configurations that no fit saw lie within `factor` of their prediction,
    within `unseen_factors` where the "model", "GPU" or "engine" has no rows; None where too few
    rows tell. `own_configurations` are those that are predicted by their own rows too.
    """

    kind: Target
    method: Method
    rows: Count
    configurations: Count
    scores: dict[Method, MethodScore]
    factor: Positive | None
    unseen_factors: dict[str, Positive]
    own_configurations: Count
    kernels: KernelFit | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerSummary:
    """Errors of power at a measured step, and of energy per output token at a predicted one."""

    rows: Count
    at_measured_step: EnergyScore
    j_per_token: EnergyScore


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """A model with rows of these kinds of steps; `experts` counts the routed ones of a layer."""

    name: str
    parameters: Size
    experts: Count
    steps: tuple[Target, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownGpu:
    """A type of GPU with rows of these kinds of steps, and with rows of `power` or without."""

    name: str
    steps: tuple[Target, ...]
    power: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEngine:
    """An engine with rows of these kinds of steps."""

    name: str
    steps: tuple[Target, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepModelSummary:
    """The whole; `file` has the schema `file_schema`.

    `absent`, `refused`, `left_out`, `files` and `queue` are those of the file.
    """

    SCHEMA: ClassVar[str] = "moeprof.step_model_summary/1.0"
    WAY_OUT: ClassVar[str] = "make it anew with `moeprof steptime show --json`"

    file: str
    sha256: str
    file_schema: str
    steps: tuple[StepsSummary, ...]
    power: PowerSummary | None
    models: tuple[KnownModel, ...]
    gpus: tuple[KnownGpu, ...]
    engines: tuple[KnownEngine, ...]
    absent: dict[str, str]
    refused: dict[str, Count]
    left_out: dict[str, Count]
    files: dict[str, str]
    queue: QueueModel | None
