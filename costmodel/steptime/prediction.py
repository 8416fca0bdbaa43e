"""Predict steps, power and energy of one deployment from `step_time_model.json`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from ...store.serving.step_time_model import StepTimeFile
from .calibration import Spread
from .effects import Effects
from .features.deployment import Deployment
from .features.steps import Array, Steps
from .physics import Physics
from .power import Power
from .rows.serving_rows import ServingRows, columns_of
from .rows.workload import workloads
from .step_model import StepModel

# What a reader wants to know of a step, by the columns that add up to it; each column is in one.
PARTS: Final = {
    "weights": ("dense_weights",),
    "experts": ("expert_weights", "busiest_experts"),
    "kv": ("kv",),
    "attention": ("attention_flops",),
    "compute": ("dense_flops", "expert_flops"),
    "communication": ("all_reduce_rounds", "all_reduce", "all_to_all_rounds", "all_to_all"),
    "prefill": (
        "prefill_weights", "prefill_dense_flops", "prefill_expert_flops",
        "prefill_attention_flops", "prefill_sent", "prefill_layers",
    ),
    "overhead": (
        "layers", "moe_layers", "latent_layers", "sparse_layers", "linear_layers", "requests",
        "steps",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class StepPrediction:
    """n mean steps; arrays have shape (n,).

    `low_us` to `high_us` hold 90 % of such steps; None where too few rows tell. `parts_us` add up
    to `step_us`. `power_w` is that of all GPUs, None where no row had power; `j_per_token` and
    `tokens_per_s` are those of all output tokens. `unseen` names what no row had: a model, a GPU,
    an engine. `beyond` are the columns of each step outside the fitted ones.
    """

    step_us: Array
    low_us: Array | None
    high_us: Array | None
    parts_us: dict[str, Array]
    power_w: Array | None
    j_per_token: Array | None
    tokens_per_s: Array
    unseen: tuple[str, ...]
    beyond: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class OwnSteps:
    """Steps of the same deployment that were measured; us, of shape (n,)."""

    steps: Steps
    step_us: Array


def predict_steps(
    file: StepTimeFile,
    served: Deployment,
    steps: Steps,
    *,
    version: str = "",
    own: OwnSteps | None = None,
) -> StepPrediction:
    """Predict mean steps; with `own` ones, by what they take beyond the prediction.

    `version` is that of the engine, whose effect counts where it has rows.
    """
    rows = as_rows(served, steps, version)
    model = step_model_of(file)
    step_us = model.step_us(rows) * np.exp(_beyond_own(file, served, steps, version, own))
    terms = model.physics.terms_us(rows)
    ratio = step_us / sum(terms.values())
    power_w = None
    if file.power is not None:
        power_w = Power(dict(file.power.shares), dict(file.power.by_gpu)).power_w(rows, step_us)
    factor = file.factors.get("90")
    return StepPrediction(
        step_us=step_us,
        low_us=None if factor is None else step_us / factor,
        high_us=None if factor is None else step_us * factor,
        parts_us={
            part: np.asarray(sum(terms[name] for name in names) * ratio)
            for part, names in PARTS.items()
        },
        power_w=power_w,
        j_per_token=None if power_w is None else power_w * step_us / 1e6 / steps.running,
        tokens_per_s=steps.running / step_us * 1e6,
        unseen=_unseen(file, served),
        beyond=_outside(file, columns_of(rows)),
    )


def step_model_of(file: StepTimeFile) -> StepModel:
    """The coefficients of a file, ready to predict."""
    by_engine = {name: dict(terms) for name, terms in file.by_engine.items()}
    names = frozenset(model.name for model in file.models)
    effects = Effects({k: dict(v) for k, v in file.effects.items()}, names, frozenset(file.gpus))
    return StepModel(Physics(dict(file.coefficients), by_engine), effects)


def as_rows(served: Deployment, steps: Steps, version: str = "") -> ServingRows:
    """Steps of one deployment as rows that nobody measured."""
    count = len(steps.running)
    unknown, none = np.full(count, np.nan), np.full(count, "")
    return ServingRows(
        deployments=(served,),
        which=np.zeros(count, dtype=np.intp),
        steps=steps,
        step_us=unknown,
        decode_us=unknown,
        power_w=unknown,
        version=np.full(count, version),
        source=none,
        name=none,
        time_s=unknown,
        workload=workloads(steps, unknown),
    )


def _beyond_own(
    file: StepTimeFile, served: Deployment, steps: Steps, version: str, own: OwnSteps | None
) -> Array:
    if own is None:
        return np.zeros(len(steps.running))
    spread = Spread(np.asarray(file.spread.covariance), file.spread.noise)
    predicted = step_model_of(file).step_us(as_rows(served, own.steps, version))
    return spread.log_ratio(own.steps, np.log(own.step_us / predicted), steps)


def _unseen(file: StepTimeFile, served: Deployment) -> tuple[str, ...]:
    found = []
    if served.model.name not in {model.name for model in file.models}:
        found.append(f"model {served.model.name}")
    if served.gpu_name not in file.gpus:
        found.append(f"GPU {served.gpu_name}")
    if served.engine not in file.by_engine:
        found.append(f"engine {served.engine}")
    return tuple(found)


def _outside(file: StepTimeFile, columns: Mapping[str, Array]) -> tuple[tuple[str, ...], ...]:
    """For each step, the columns whose value no fitted row reached."""
    count = len(next(iter(columns.values())))
    found: list[list[str]] = [[] for _ in range(count)]
    for name, values in columns.items():
        least, most = file.domain[name]
        for at in np.flatnonzero((values < least) | (values > most)):
            found[at].append(name)
    return tuple(map(tuple, found))
