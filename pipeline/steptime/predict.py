"""Predict the steps of one deployment over batch sizes."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from ...costmodel.steptime.engine.memory import Memory, memory_of
from ...costmodel.steptime.engine.schedule import Schedule, schedule
from ...costmodel.steptime.engine.settings import EngineSettings
from ...costmodel.steptime.features.cache_types import BF16_BYTES
from ...costmodel.steptime.features.deployment import Deployment
from ...costmodel.steptime.features.precisions import computed_in_bf16
from ...costmodel.steptime.features.steps import Steps
from ...costmodel.steptime.own.points import OwnSteps
from ...costmodel.steptime.prediction.predict import StepPrediction, predict_steps
from ...costmodel.steptime.routing_saving import RoutingSaving, own_routing, saving_of
from ...costmodel.steptime.step_file import read_step_file
from .asked import Asked, requests_of, served_as
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
    "predict",
]

_MOST_NAMED: Final = 2  # bounded numbers of requests


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
    served = served_as(asked, named.model, precision.name)
    memory = memory_of(served, settings)
    plan = schedule(served, memory, settings, requests_of(asked))
    kernels = None if asked.kernel_model is None else kernels_of(asked.kernel_model)
    own, own_notes = _own_steps(asked, served, memory)

    def predicted(steps: Steps) -> StepPrediction:
        return predict_steps(file, served, steps, own=own, settings=settings, kernels=kernels)

    told = (
        plan,
        memory,
        (*named.notes, *precision.notes, *own_notes),
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


def _own_steps(
    asked: Asked, served: Deployment, memory: Memory
) -> tuple[OwnSteps | None, tuple[str, ...]]:
    """Steps of one's own, as the same engine makes them, and which of its bounds they meet."""
    if asked.own is None:
        return None, ()
    batches, step_us = own_points(asked.own)
    each, which = np.unique(batches, return_inverse=True)
    own = requests_of(replace(asked, batches=tuple(each.tolist())))
    plan = schedule(served, memory, asked.settings, own)
    bounded = [at for at, bound in enumerate(plan.bounds) if bound]
    notes = [
        f"{asked.own.name}: of {each[at]:,} requests {plan.steps.running[at]:,.4g} run, bounded by"
        f" {plan.bounds[at]}: the step counts as one of these"
        for at in bounded[:_MOST_NAMED]
    ]
    if others := len(bounded) - len(notes):
        notes.append(f"{asked.own.name}: {others:,} more of its batches are bounded so")
    return OwnSteps(plan.steps.taken(which), step_us, str(asked.own)), tuple(notes)


def _not_in_rows(served: Deployment, settings: EngineSettings, plan: Schedule) -> list[str]:
    counted = {
        "a cache in fp8": served.kv_value_bytes < BF16_BYTES,
        "chunks of prompts": settings.max_num_batched_tokens is not None,
        "prefix hits": settings.prefix_hit > 0,
        "weights in the memory of the CPU": settings.cpu_offload_bytes > 0,
        "preemptions": bool(plan.preemptions.any()),
    }
    return [name for name, counts in counted.items() if counts]
