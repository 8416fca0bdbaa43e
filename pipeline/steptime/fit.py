"""Fit `step_time_model.json` to a folder of measured rows."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ...costmodel.steptime.composition.fit import fit_kernels
from ...costmodel.steptime.composition.kernels import ModelKernels
from ...costmodel.steptime.fit.build import Wanted, build_step_time
from ...costmodel.steptime.fit.targets import rows_telling
from ...costmodel.steptime.physics import Physics
from ...costmodel.steptime.prediction.from_file import step_model_of
from ...costmodel.steptime.queue.delay_columns import KV_THRESHOLDS
from ...costmodel.steptime.rows.serving_rows import ServingRows
from ...store.document import write_document
from ...store.errors import BadInput
from ...store.files import check_writable
from ...store.serving.step_time_model import Method, StepFit, StepTimeFile, Target
from .folder import files_of, read_folder
from .kernel_model import kernels_of
from .queue import queue_of


def fit_steps(
    data: Path,
    out: Path,
    wanted: Wanted | None = None,
    method: Method | None = None,
    kernel_model: Path | None = None,
    kv_thresholds: Sequence[float] = KV_THRESHOLDS,
) -> StepTimeFile:
    """Fit the rows of the folder `data` and write the model to `out`.

    `wanted` None fits whatever enough rows tell; `method` None takes the physics,
    unless another form errs less beyond chance.
    `kernel_model` is a cost model of the kernels of one GPU, which steps of it are composed of.
    `kv_thresholds` are the shares of the cache in use above which requests of the folder's journeys
    may wait longer.
    Raises BadInput as reading and fitting do, where more than half of the rows are refused, and
    where `out` cannot be written or is a file that the fit reads: then nothing is written.
    """
    _check_out(out, data, kernel_model)
    rows, refused = read_folder(data)
    kernels = None if kernel_model is None else kernels_of(kernel_model)
    queue = queue_of(data, kv_thresholds)
    file = build_step_time(rows, refused, files_of(data), wanted, method, queue)
    if kernels is not None:
        file = _with_kernels(file, rows, kernels)
    write_document(out, file)
    return file


def _check_out(out: Path, data: Path, kernel_model: Path | None) -> None:
    """Raise BadInput where the model would take the place of an input, or cannot be written."""
    check_writable(out)
    inputs = [data / name for name in files_of(data)]
    if out.resolve() in [one.resolve() for one in (*inputs, kernel_model) if one is not None]:
        raise BadInput(
            f"{out} is a file that the fit reads, and the model would take its place",
            hint="name another file in --out",
        )


def _with_kernels(file: StepTimeFile, rows: ServingRows, kernels: ModelKernels) -> StepTimeFile:
    """The file with kernels in each kind of step that enough rows tell.

    Raises BadInput where no kind of step has enough, or where another form than the physics
    predicts.
    """
    steps: dict[Target, StepFit] = {}
    refusals: dict[str, BadInput] = {}
    for target, fit in file.steps.items():
        try:
            found = fit_kernels(rows_telling(rows, target), _physics_of(file, target), kernels)
        except BadInput as refusal:
            refusals[f"kernels of {target} steps"] = refusal
        else:
            steps[target] = replace(fit, kernels=found)
    if not steps:
        raise next(iter(refusals.values()))
    absent = {name: refusal.message for name, refusal in refusals.items()}
    return replace(file, steps={**file.steps, **steps}, absent=file.absent | absent)


def _physics_of(file: StepTimeFile, target: Target) -> Physics:
    form = step_model_of(file, target).form
    if not isinstance(form, Physics):
        raise BadInput(
            f"{file.steps[target].method} predicts {target} steps, and kernels are composed with"
            " the physics fit",
            hint="add --method physics, or leave out --kernel-model",
        )
    return form
