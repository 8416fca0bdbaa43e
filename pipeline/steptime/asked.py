"""What a prediction is asked for: a deployment by names, batches, and how long requests are."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...costmodel.steptime.engine.schedule import Requests
from ...costmodel.steptime.engine.settings import EngineSettings
from ...costmodel.steptime.features.deployment import Deployment, Split, deployment
from ...store.errors import BadInput
from ...store.serving.whole_model import WholeModel


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


def served_as(asked: Asked, model: WholeModel, precision: str) -> Deployment:
    """How the model is served, by the names that are asked for.

    Raises BadInput for an unknown GPU or precision, an engine without a name, and a split that does
    not divide the model.
    """
    if not asked.engine.strip():
        raise BadInput("--engine is empty", hint="name the engine, such as vllm, or leave it out")
    split, kind = Split(asked.tp, asked.ep, asked.dp), asked.settings.kv_cache_dtype
    return deployment(model, asked.gpu, precision, asked.engine, split, kv_cache_dtype=kind)


def requests_of(asked: Asked) -> Requests:
    """The requests of each batch. Raises BadInput for sizes that no request has."""
    if asked.output_tokens is None and asked.settings.prefix_hit:
        raise BadInput(
            f"--prefix-hit is {asked.settings.prefix_hit:g}, and steps that decode alone compute no"
            " prompts",
            hint="give --output, so that requests bring their prompts, or leave out --prefix-hit",
        )
    batches = np.asarray(asked.batches, dtype=np.float64)
    return Requests(batches, asked.prompt_tokens, asked.output_tokens)


def described_requests(asked: Asked) -> str:
    """Which steps are asked for."""
    if asked.output_tokens is None:
        return f"steps that decode alone at {asked.prompt_tokens:,} tokens of context"
    return f"prompts of {asked.prompt_tokens:,} tokens, {asked.output_tokens:,} generated"
