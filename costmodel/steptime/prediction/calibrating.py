"""Move the steps of a deployment by own ones, and say what they then lie within."""

from dataclasses import replace

import numpy as np

from ....store.serving.kernel_fit import Blend
from ....store.serving.step_time_model import StepFit
from ..composition.blended import BlendedSteps
from ..engine.offload import offload_us
from ..engine.settings import EngineSettings
from ..features.steps import Array, Steps
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
    settings: EngineSettings,
) -> Calibration:
    """How far own steps move `rows` of their deployment, and what these then lie within.

    `model` predicts without own steps; kernels count with the `blend`. Raises BadInput for an own
    step that cannot be.
    """
    served, version = rows.deployments[0], str(rows.version[0])
    measured = replace(as_rows(served, own.steps, version), step_us=own.step_us)
    refuse_impossible(measured, offload_us(served, own.steps, settings), own.source)

    def without_own_us(steps: Steps) -> Array:
        return model.step_us(as_rows(served, steps, version)) + offload_us(served, steps, settings)

    predicted_us = without_own_us(own.steps)
    each, usual = once_each(own, predicted_us), float(unknown_factors(fit, rows, blend)[0])
    found = calibrated(fit, each, rows.steps, usual, without_own_us)
    told, asked = (step_factors(fit, some, blend) for some in (measured, rows))
    if told is None or asked is None:
        return found
    ratios = np.log(own.step_us / predicted_us)
    return found.or_narrower(asked) if is_expected(ratios, told) else found
