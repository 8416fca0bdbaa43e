"""What a model of steps knows, how well it predicts, and what it was fitted to."""

from pathlib import Path
from typing import Literal

from ...costmodel.steptime.features.parameters import total_parameters
from ...costmodel.steptime.intervals import COVERAGE_PCT
from ...costmodel.steptime.step_file import read_step_file
from ...store.recording import sha256_of
from ...store.serving.step_model_summary import (
    KnownEngine,
    KnownGpu,
    KnownModel,
    PowerSummary,
    StepModelSummary,
    StepsSummary,
)
from ...store.serving.step_time_model import StepFit, StepTimeFile, Target
from ...store.serving.whole_model import WholeModel


def show_steps(path: Path) -> StepModelSummary:
    """Summarise the model at `path`. Raises BadInput for a file of something else."""
    file = read_step_file(path)
    power = file.power
    return StepModelSummary(
        file=str(path),
        sha256=sha256_of(path),
        file_schema=file.SCHEMA,
        steps=tuple(_steps(kind, fit) for kind, fit in file.steps.items()),
        power=None
        if power is None
        else PowerSummary(
            rows=power.rows,
            at_measured_step=power.at_measured_step,
            j_per_token=power.j_per_token,
        ),
        models=tuple(_model(file, one) for one in sorted(file.models, key=lambda one: one.name)),
        gpus=tuple(_gpu(file, name) for name in sorted(file.gpus)),
        engines=_engines(file),
        absent=file.absent,
        refused=file.refused,
        left_out=file.left_out,
        files=file.files,
        queue=file.queue,
    )


def _steps(kind: Target, fit: StepFit) -> StepsSummary:
    own = {} if fit.own is None else fit.own.by_configuration
    unseen = {what: factors.get(COVERAGE_PCT) for what, factors in fit.unseen_factors.items()}
    return StepsSummary(
        kind=kind,
        method=fit.method,
        rows=fit.rows,
        configurations=fit.configurations,
        scores=fit.scores,
        factor=fit.factors.get(COVERAGE_PCT),
        unseen_factors={what: factor for what, factor in unseen.items() if factor is not None},
        own_configurations=sum(not one.is_pooled for one in own.values()),
        kernels=fit.kernels,
    )


def _model(file: StepTimeFile, model: WholeModel) -> KnownModel:
    return KnownModel(
        name=model.name,
        parameters=total_parameters(model),
        experts=0 if model.experts is None else model.experts.count,
        steps=_kinds(file, model.name, "models"),
    )


def _gpu(file: StepTimeFile, name: str) -> KnownGpu:
    power = file.power is not None and name in file.power.by_gpu
    return KnownGpu(name=name, steps=_kinds(file, name, "gpus"), power=power)


def _engines(file: StepTimeFile) -> tuple[KnownEngine, ...]:
    names = sorted({name for fit in file.steps.values() for name in fit.engines})
    return tuple(KnownEngine(name=name, steps=_kinds(file, name, "engines")) for name in names)


def _kinds(
    file: StepTimeFile, name: str, among: Literal["models", "gpus", "engines"]
) -> tuple[Target, ...]:
    """The kinds of steps of which a name has rows."""
    return tuple(kind for kind, fit in file.steps.items() if name in getattr(fit, among))
