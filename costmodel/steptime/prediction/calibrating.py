"""Move the steps of a deployment by own ones, and say what they then lie within."""

from dataclasses import replace

import numpy as np

from ....store.serving.kernel_fit import Blend
from ....store.serving.step_time_model import StepFit
from ..composition.blended import BlendedSteps
from ..intervals import step_factors, unknown_factors
from ..own.points import (
    Calibration,
    OwnSteps,
    calibrated,
    is_expected,
    once_each,
    refuse_impossible,
)
from ..rows.serving_rows import ServingRows
from ..step_model import StepModel
from .asked_rows import as_rows


def calibration_of(
    model: StepModel | BlendedSteps,
    fit: StepFit,
    own: OwnSteps,
    rows: ServingRows,
    blend: Blend | None,
) -> Calibration:
    """How far own steps move `rows` of their deployment, and what these then lie within.

    `model` predicts without own steps; kernels count with the `blend`. Raises BadInput for an own
    step that cannot be.
    """
    served, version = rows.deployments[0], str(rows.version[0])
    measured = replace(as_rows(served, own.steps, version), step_us=own.step_us)
    refuse_impossible(measured, own.source)
    predicted_us = model.step_us(measured) + (0.0 if own.added_us is None else own.added_us)
    each, usual = once_each(own, predicted_us), float(unknown_factors(fit, rows, blend)[0])
    found = calibrated(fit, each, rows.steps, usual)
    told, asked = (step_factors(fit, some, blend) for some in (measured, rows))
    if told is None or asked is None:
        return found
    ratios = np.log(own.step_us / predicted_us)
    return found.or_narrower(asked) if is_expected(ratios, told) else found
