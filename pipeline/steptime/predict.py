"""Predict the steps of one deployment over batch sizes."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ...costmodel.steptime.engine.memory import Memory, memory_of
from ...costmodel.steptime.engine.offload import offload_us
from ...costmodel.steptime.engine.schedule import Requests, Schedule, schedule
from ...costmodel.steptime.engine.settings import EngineSettings
from ...costmodel.steptime.features.cache_types import BF16_BYTES
from ...costmodel.steptime.features.deployment import Deployment, Split, deployment
from ...costmodel.steptime.features.precisions import computed_in_bf16
from ...costmodel.steptime.features.steps import Array, Steps
from ...costmodel.steptime.own.points import OwnSteps
from ...costmodel.steptime.prediction import StepPrediction, predict_steps
from ...costmodel.steptime.routing_saving import RoutingSaving, own_routing, saving_of
from ...costmodel.steptime.step_file import read_step_file
from ...store.errors import BadInput
from ...store.serving.predicted_steps import (
    PredictedCalibration,
    PredictedKnown,
    PredictedRouting,
    PredictedStep,
)
from ...store.serving.whole_model import WholeModel
from .given.active_experts import PolicyExperts, policy_experts
from .given.asked_model import asked_model, asked_precision
from .given.own_points import own_points
from .kernel_model import kernels_of

__all__ = [
    "Asked",
    "EngineSettings",
    "PolicyExperts",
    "Predicted",
    "RoutingSaving",
    "StepPrediction",
    "described_requests",
    "predict",
    "predicted_step",
]


@dataclass(frozen=True, slots=True)
class Asked:
    """What to predict: a deployment by names, batches, and how long its requests are.

    `model` is the name of one that the file holds, or the path of a config.json or its folder.
    `precision` None is that of the model's own file, else bf16.
    `output_tokens` is None for steps that decode alone; else each request brings a prompt once in
    as many steps, and the context is its prompt and half of its output. `own` is a table of steps
    of one's own of this deployment, with the columns batch and step_us. `active_experts` are those
    of a routing policy, as numbers or a file (active_experts.py). `kernel_model` is a cost model of
    the GPU's kernels, which the file was fitted with.
    """

    model: str
    gpu: str
    precision: str | None
    engine: str
    tp: int
    ep: int
    dp: int
    batches: tuple[int, ...]
    prompt_tokens: int
    output_tokens: int | None
    own: Path | None = None
    settings: EngineSettings = field(default_factory=EngineSettings)
    active_experts: str | None = None
    kernel_model: Path | None = None


@dataclass(frozen=True, slots=True)
class Predicted:
    """The steps of each batch, what the engine made of it, and what the GPUs hold.

    `notes` say which model and precision of weights were taken, where the names do not.
    `not_in_rows` names what counts in the steps and is in no row: it comes from the data sheet.
    `in_bf16` are the types of arithmetic that the GPU has no units for: bf16 takes their place.
    `saving` is what a routing `policy` saves; both None without one.
    """

    steps: StepPrediction
    schedule: Schedule
    memory: Memory
    notes: tuple[str, ...]
    not_in_rows: tuple[str, ...]
    in_bf16: tuple[str, ...]
    saving: RoutingSaving | None = None
    policy: PolicyExperts | None = None


def predict(path: Path, asked: Asked) -> Predicted:
    """Predict by the model at `path`.

    Raises BadInput for a file of something else, an unknown model, GPU or precision, a split that
    does not divide heads, a model that does not fit on the GPUs, requests beyond its context, sizes
    below 1, a table of own steps that is none, active experts that no routing gives, and kernels
    that the file was not fitted with.
    """
    file = read_step_file(path)
    settings, named = asked.settings, asked_model(asked.model, file.models, path)
    precision = asked_precision(asked.precision, named.model)
    served = _served(asked, named.model, precision.name)
    memory = memory_of(served, settings)
    plan = schedule(served, memory, settings, _requests(asked))
    kernels = None if asked.kernel_model is None else kernels_of(asked.kernel_model)
    measured = _own_steps(asked, served, memory)

    def predicted(steps: Steps) -> StepPrediction:
        added_us = {"offload": offload_us(served, steps, settings)}
        return predict_steps(file, served, steps, own=measured, added_us=added_us, kernels=kernels)

    told = (
        plan,
        memory,
        (*named.notes, *precision.notes),
        tuple(_not_in_rows(served, settings, plan)),
        computed_in_bf16(served.precision, served.gpu),
    )
    if asked.active_experts is None:
        return Predicted(predicted(plan.steps), *told)
    policy = policy_experts(asked.active_experts, asked.batches, named.model)
    own_steps = own_routing(served, plan.steps, policy.own)
    steps = replace(plan.steps, active_experts=policy.active)
    found = predicted(steps)
    saving = saving_of(steps, found, own_steps, predicted(own_steps))
    return Predicted(found, *told, saving, policy)


def _served(asked: Asked, model: WholeModel, precision: str) -> Deployment:
    if not asked.engine.strip():
        raise BadInput("--engine is empty", hint="name the engine, such as vllm, or leave it out")
    split, kind = Split(asked.tp, asked.ep, asked.dp), asked.settings.kv_cache_dtype
    return deployment(model, asked.gpu, precision, asked.engine, split, kv_cache_dtype=kind)


def _requests(asked: Asked) -> Requests:
    if asked.output_tokens is None and asked.settings.prefix_hit:
        raise BadInput(
            f"--prefix-hit is {asked.settings.prefix_hit:g}, and steps that decode alone compute no"
            " prompts",
            hint="give --output, so that requests bring their prompts, or leave out --prefix-hit",
        )
    batches = np.asarray(asked.batches, dtype=np.float64)
    return Requests(batches, asked.prompt_tokens, asked.output_tokens)


def _own_steps(asked: Asked, served: Deployment, memory: Memory) -> OwnSteps | None:
    """Steps of one's own, as the same engine makes them."""
    if asked.own is None:
        return None
    batches, step_us = own_points(asked.own)
    own = _requests(replace(asked, batches=batches))
    steps = schedule(served, memory, asked.settings, own).steps
    return OwnSteps(steps, step_us, offload_us(served, steps, asked.settings), str(asked.own))


def _not_in_rows(served: Deployment, settings: EngineSettings, plan: Schedule) -> list[str]:
    counted = {
        "a cache in fp8": served.kv_value_bytes < BF16_BYTES,
        "chunks of prompts": settings.max_num_batched_tokens is not None,
        "prefix hits": settings.prefix_hit > 0,
        "weights in the memory of the CPU": settings.cpu_offload_bytes > 0,
        "preemptions": bool(plan.preemptions.any()),
    }
    return [name for name, counts in counted.items() if counts]


def described_requests(asked: Asked) -> str:
    """Which steps are asked for."""
    if asked.output_tokens is None:
        return f"steps that decode alone at {asked.prompt_tokens:,} tokens of context"
    return f"prompts of {asked.prompt_tokens:,} tokens, {asked.output_tokens:,} generated"


def predicted_step(
    asked: Asked, found: Predicted, at: int, *, on_front: bool | None
) -> PredictedStep:
    """The step of one batch, as a program gets it."""
    steps, plan = found.steps, found.schedule
    return PredictedStep(
        tp=asked.tp,
        batch=asked.batches[at],
        running=float(plan.steps.running[at]),
        bounded_by=plan.bounds[at] or None,
        fitting_requests=plan.fitting,
        preemptions_per_request=float(plan.preemptions[at]),
        recomputed_tokens_per_request=float(plan.recomputed_tokens[at]),
        kind=steps.target,
        step_us=float(steps.step_us[at]),
        low_us=_value(steps.low_us, at),
        high_us=_value(steps.high_us, at),
        parts_us={name: float(values[at]) for name, values in steps.parts_us.items()},
        power_w=_value(steps.power_w, at),
        j_per_token=_value(steps.j_per_token, at),
        low_j_per_token=_value(steps.low_j_per_token, at),
        high_j_per_token=_value(steps.high_j_per_token, at),
        tokens_per_s=float(steps.tokens_per_s[at]),
        unseen=steps.unseen,
        beyond=steps.beyond[at],
        not_in_rows=found.not_in_rows,
        in_bf16=found.in_bf16,
        kernel_weight=steps.kernel_weight,
        known=_known(steps, at),
        calibration=_calibration(steps, at),
        routing=_routing(found, at),
        on_front=on_front,
    )


def _routing(found: Predicted, at: int) -> PredictedRouting | None:
    saving, policy = found.saving, found.policy
    if saving is None or policy is None:
        return None
    return PredictedRouting(
        policy=policy.origin,
        active_experts=float(saving.active[at]),
        own_active_experts=float(saving.own_active[at]),
        own_step_us=float(saving.own_step_us[at]),
        saved_us=float(saving.saved_us[at]),
        saved_share=float(saving.saved_share[at]),
        low_share=_value(saving.low_share, at),
        high_share=_value(saving.high_share, at),
        own_j_per_token=_value(saving.own_j_per_token, at),
        saved_j_per_token=_value(saving.saved_j_per_token, at),
    )


def _calibration(steps: StepPrediction, at: int) -> PredictedCalibration | None:
    if (found := steps.calibration) is None:
        return None
    return PredictedCalibration(points=found.points, ratio=float(found.ratio[at]))


def _known(steps: StepPrediction, at: int) -> PredictedKnown | None:
    if (known := steps.known) is None:
        return None
    return PredictedKnown(
        form=known.form.form,
        rows=known.form.rows,
        in_range=bool(known.inside[at]),
        mean_log_errors=known.form.errors,
    )


def _value(values: Array | None, at: int) -> float | None:
    return None if values is None else float(values[at])
