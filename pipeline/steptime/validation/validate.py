"""Judge steps and energy: of `step_time_model.json` on rows that it was not fitted to, or of fits.

Fits are made from the rows themselves, each without what is left out.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ....compare.outcomes import overall
from ....compare.steptime import limits
from ....compare.steptime.judge import judge
from ....compare.steptime.predicted import Predicted
from ....costmodel.steptime.fit.build import TARGETS
from ....costmodel.steptime.fit.targets import rows_telling
from ....costmodel.steptime.prediction.from_file import found_score
from ....costmodel.steptime.rows.fingerprints import DIGITS, are_among
from ....costmodel.steptime.rows.serving_rows import ServingRows
from ....costmodel.steptime.step_file import read_step_file
from ....store.errors import BadInput
from ....store.recording import sha256_of
from ....store.serving.step_time_model import StepTimeFile
from ....store.verdicts.step_validation import StepLimits, StepValidation
from ..folder import files_of, read_folder
from .judged import ENERGY, POWER, STEPS, JudgedEnergy, JudgedSteps
from .refits import Report, refit
from .splits import LEFT_OUT, LeftOut

__all__ = ["LEFT_OUT", "validate_file", "validate_fits", "was_fitted"]

_KINDS = {POWER: limits.POWER, ENERGY: limits.ENERGY}


def validate_file(path: Path, data: Path, limit: float | None = None) -> StepValidation:
    """Judge the model at `path` by the rows of a folder that it was not fitted to.

    `limit` is the largest median error that passes; None: 1.25 times what the file states of
    configurations that it never saw. Raises BadInput for files of something else, where more than
    half of the rows are refused, where the file was fitted to all of them, where they tell nothing
    that the file predicts, and where the file predicts what no step, power or energy can be.
    """
    file = read_step_file(path)
    rows, refused = read_folder(data)
    refused.require_most()
    fitted = was_fitted(file, rows)
    if fitted.all():
        raise BadInput(
            f"{path} was fitted to every row of {data}: they are no test of it",
            hint=f"give other rows, or leave some out: moeprof steptime validate {data}"
            " --leave-one model",
        )
    predicted, unjudged = _predictions(path, file, rows.taken(np.flatnonzero(~fitted)))
    if not predicted:
        named = "; ".join(f"{quantity}: {why}" for quantity, why in unjudged.items())
        raise BadInput(f"{data} tells nothing that {path} predicts: {named}")
    quantities = tuple(
        judge(one, limits.limits_stated(limit) if limit else _limits_of(file, one.quantity))
        for one in predicted
    )
    return StepValidation(
        outcome=overall(one.outcome for one in quantities),
        quantities=quantities,
        model=str(path),
        model_sha256=sha256_of(path),
        left_out=None,
        data=str(data),
        files=files_of(data),
        unjudged=unjudged,
        fitted_rows=int(fitted.sum()),
        refused=refused.by_reason,
    )


def validate_fits(
    data: Path, left_out: LeftOut, limit: float | None = None, report: Report | None = None
) -> StepValidation:
    """Judge fits of the rows of a folder, each without what is left out of it.

    `limit` is the largest median error that passes; None: that of compare/steptime/limits.py.
    `report` is told before each fit. Raises BadInput where more than half of the rows are refused,
    where there is nothing to leave out, and where nothing is left to fit.
    """
    rows, refused = read_folder(data)
    refused.require_most()
    found = refit(rows, left_out, report or (lambda *_: None))

    quantities = []
    for one in found.predicted:
        kind = _KINDS.get(one.quantity, limits.STEP)
        allowed = limits.limits_stated(limit) if limit else limits.limits_left_out(left_out, kind)
        quantities.append(judge(one, allowed))
    return StepValidation(
        outcome=overall(one.outcome for one in quantities),
        quantities=tuple(quantities),
        model=None,
        model_sha256=None,
        left_out=left_out,
        data=str(data),
        files=files_of(data),
        unjudged=found.unjudged,
        fitted_rows=0,
        refused=refused.by_reason,
    )


def was_fitted(file: StepTimeFile, rows: ServingRows) -> NDArray[np.bool_]:
    """Whether the file was fitted to each row, by what was measured; of shape (n,)."""
    digits = file.fingerprints
    known = [digits[at : at + DIGITS] for at in range(0, len(digits), DIGITS)]
    return are_among(rows, np.asarray(known))


def _predictions(
    path: Path, file: StepTimeFile, rows: ServingRows
) -> tuple[tuple[Predicted, ...], dict[str, str]]:
    """What a file says of rows, by quantity, and why it says nothing of others."""
    predicted, unjudged = [], {}
    for target in TARGETS:
        some = rows_telling(rows, target)
        if target not in file.steps:
            unjudged[STEPS[target]] = f"the file has no fit: {file.absent.get(target, 'unknown')}"
        elif not len(some):
            unjudged[STEPS[target]] = "no row has its time"
        else:
            told = JudgedSteps.of_file(file, target).predicted(target, some)
            predicted.append(_possible(path, told))
    powered = rows_telling(rows, "power")
    if file.power is None or "mean" not in file.steps:
        unjudged["power"] = f"the file has no fit: {file.absent.get('power', 'unknown')}"
    elif not len(powered):
        unjudged["power"] = "no row has the power of all GPUs at its mean step"
    else:
        steps = JudgedSteps.of_file(file, "mean")
        energy = JudgedEnergy.of_file(file.power, file.steps["mean"]).predicted(powered, steps)
        predicted += [_possible(path, told) for told in energy]
    return tuple(predicted), unjudged


def _possible(path: Path, told: Predicted) -> Predicted:
    """The same. Raises BadInput where any of it is not above 0, or not finite."""
    wrong = np.flatnonzero(~(np.isfinite(told.predicted) & (told.predicted > 0)))
    if not len(wrong):
        return told
    value, row = told.predicted[wrong[0]], told.rows.name[wrong[0]]
    raise BadInput(
        f"{path} predicts {value:g} {told.unit} as the {told.quantity} of row {row}: it must be"
        " above 0 and finite",
        hint="build the file anew, with moeprof steptime fit",
    )


def _limits_of(file: StepTimeFile, quantity: str) -> StepLimits:
    """What a file is held to: the errors that it states of configurations it never saw."""
    if file.power is not None and quantity in _KINDS:
        score = file.power.at_measured_step if quantity == POWER else file.power.j_per_token
        return limits.limits_of_file(score.median, score.p90)
    target = next(target for target in TARGETS if STEPS[target] == quantity)
    found = found_score(file, target)
    return limits.limits_of_file(found.median, found.p90)
