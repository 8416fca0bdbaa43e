"""Predict the steps of one deployment over batch sizes."""

import csv
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any, Final

import numpy as np

from ...costmodel.steptime.features.deployment import Split, deployment
from ...costmodel.steptime.features.steps import Array, Steps
from ...costmodel.steptime.prediction import OwnSteps, StepPrediction, predict_steps
from ...scenarios.configs.whole_model import whole_model
from ...store.document import read_document
from ...store.errors import BadInput, shortened
from ...store.files import read_text
from ...store.serving.step_time_model import StepTimeFile

__all__ = ["Asked", "StepPrediction", "as_data", "predict"]

_MOST_BYTES: Final = 1 << 20
_MOST: Final = 1e9  # requests, or tokens of a context


@dataclass(frozen=True, slots=True)
class Asked:
    """What to predict: a deployment by names, batches, and how long its requests are.

    `model` is the name of one that the file holds, or the path of a config.json.
    `output_tokens` is None for steps that decode alone; else each request brings a prompt once in
    as many steps, and the context is its prompt and half of its output. `own` is a table of steps
    of one's own of this deployment, with the columns batch and step_us.
    """

    model: str
    gpu: str
    precision: str
    engine: str
    tp: int
    ep: int
    dp: int
    batches: tuple[int, ...]
    prompt_tokens: int
    output_tokens: int | None
    own: Path | None = None


def predict(path: Path, asked: Asked) -> StepPrediction:
    """Predict by the model at `path`.

    Raises BadInput for a file of something else, an unknown model, GPU or precision, a split that
    does not divide heads, sizes below 1, and a table of own steps that is none.
    """
    file = read_document(path, StepTimeFile)
    known = {model.name: model for model in file.models}
    if (model := known.get(asked.model)) is None:
        if not Path(asked.model).is_file():
            raise BadInput(
                f"{path} has no model {shortened(asked.model)!r}, and no file has that name",
                hint=f"give a config.json, or one of: {', '.join(sorted(known))}",
            )
        model = whole_model(Path(asked.model))
    split = Split(asked.tp, asked.ep, asked.dp)
    served = deployment(model, asked.gpu, asked.precision, asked.engine, split)
    own = None
    if asked.own is not None:
        batches, step_us = _own_points(asked.own)
        own = OwnSteps(_steps(replace(asked, batches=batches)), step_us)
    return predict_steps(file, served, _steps(asked), own=own)


def _own_points(path: Path) -> tuple[tuple[int, ...], Array]:
    """Batches and steps in us of a CSV. Raises BadInput for anything else."""
    hint = "write a CSV with the columns batch,step_us: 8,12500"
    rows = list(csv.DictReader(StringIO(read_text(path, _MOST_BYTES))))
    try:
        batches = tuple(int(row["batch"]) for row in rows)
        step_us = np.asarray([float(row["step_us"]) for row in rows])
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"{path} holds no steps: {shortened(str(error))}", hint=hint) from error
    if not rows or not (np.isfinite(step_us) & (step_us > 0)).all():
        raise BadInput(f"{path} holds no steps, or one that is not above 0", hint=hint)
    return batches, step_us


def _steps(asked: Asked) -> Steps:
    output = 1 if asked.output_tokens is None else asked.output_tokens
    if not all(1 <= size <= _MOST for size in (*asked.batches, asked.prompt_tokens, output)):
        raise BadInput(
            f"the batches {shortened(', '.join(map(str, asked.batches)))}, {asked.prompt_tokens}"
            f" tokens of a prompt and {output} of an output must be 1 to {_MOST:g}",
            hint="give --batch 1,8,64 --prompt 1000 --output 500",
        )
    running = np.asarray(asked.batches, dtype=np.float64)
    prompt = np.full(len(running), float(asked.prompt_tokens))
    if asked.output_tokens is None:
        return Steps.decode(running, prompt)
    per_step = running / asked.output_tokens
    context = prompt + asked.output_tokens / 2
    return Steps(running, context, per_step * prompt, prompt, np.minimum(1.0, per_step))


def as_data(asked: Asked, found: StepPrediction) -> list[dict[str, Any]]:
    """A prediction as one object per batch, for a program."""
    return [
        {
            "batch": batch,
            "step_us": float(found.step_us[at]),
            "low_us": None if found.low_us is None else float(found.low_us[at]),
            "high_us": None if found.high_us is None else float(found.high_us[at]),
            "parts_us": {name: float(values[at]) for name, values in found.parts_us.items()},
            "power_w": None if found.power_w is None else float(found.power_w[at]),
            "j_per_token": None if found.j_per_token is None else float(found.j_per_token[at]),
            "tokens_per_s": float(found.tokens_per_s[at]),
            "unseen": list(found.unseen),
            "beyond": list(found.beyond[at]),
        }
        for at, batch in enumerate(asked.batches)
    ]
