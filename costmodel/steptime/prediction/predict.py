"""Predict steps, power and energy of one deployment from `step_time_model.json`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ....store.serving.kernel_fit import Blend
from ....store.serving.step_time_model import Method, StepTimeFile, Target
from ..composition.blended import BlendedSteps
from ..composition.kernels import ModelKernels
from ..engine.offload import offload_us
from ..engine.settings import EngineSettings
from ..features.deployment import Deployment
from ..features.steps import Array, Steps
from ..intervals import (
    ends,
    energy_factors,
    floor_us,
    not_below_floor,
    step_factors,
    unseen_of,
    untold_of,
)
from ..known.beyond import beyond_rows, domain_of
from ..known.target import target_of, unknown_to_own_fit
from ..own.forms import Known
from ..own.points import Calibration, OwnSteps
from ..rows.serving_rows import ServingRows, columns_of
from ..step_model import StepModel
from .asked_rows import as_rows
from .calibrating import calibration_of
from .from_file import power_of, step_fit_of, step_model_of
from .parts import parts_us


@dataclass(frozen=True, slots=True)
class StepPrediction:
    """n steps; arrays have shape (n,).

    `low_us` to `high_us` hold 90 % of such steps; None where too few rows tell. `parts_us` add up
    to `step_us`. `power_w` is that of all GPUs, None where no row had power; `j_per_token`, in 90 %
    of such steps between `low_j_per_token` and `high_j_per_token`, and `tokens_per_s` are those of
    all output tokens. `unseen` names what no row had: a model, a GPU, an engine, a precision, or
    power of the GPU. `target` is the kind of step whose fit predicts, and `method` its form.
    `not_in_own_fit` names what only the fit of `target` has rows of, where it predicts the other
    kind of step.
    `beyond` has, for each step, the columns outside the fitted ones: each as a multiple of the
    nearest value of the rows, above 1 beyond their largest (None where that is 0) and below 1 under
    their smallest.
    `kernel_weight` says how far measured kernels count, from 0 to 1; None without any.
    `untold` are kinds of `unseen` for which the interval is that of others: rows are too few.
    `known` is what rows of this very configuration tell, `calibration` what own steps did; or None.
    """

    step_us: Array
    low_us: Array | None
    high_us: Array | None
    parts_us: dict[str, Array]
    power_w: Array | None
    j_per_token: Array | None
    low_j_per_token: Array | None
    high_j_per_token: Array | None
    tokens_per_s: Array
    unseen: tuple[str, ...]
    target: Target
    method: Method
    beyond: tuple[dict[str, float | None], ...]
    not_in_own_fit: tuple[str, ...] = ()
    kernel_weight: float | None = None
    known: Known | None = None
    calibration: Calibration | None = None
    untold: tuple[str, ...] = ()


def predict_steps(
    file: StepTimeFile,
    served: Deployment,
    steps: Steps,
    *,
    version: str = "",
    own: OwnSteps | None = None,
    settings: EngineSettings | None = None,
    kernels: ModelKernels | None = None,
) -> StepPrediction:
    """Predict steps; with `own` ones, by what they take beyond the prediction.

    By the `settings` of the engine some weights may lie in the memory of the CPU: reading them adds
    to the step, and own steps do not change that. Steps that own ones move still grow with the
    requests that run, and take no less than reading the weights of one token. Measured `kernels` of
    the GPU count as the fit blends them. Steps that all decode alone are predicted by the fit of
    those, unless that of mean steps knows the deployment better (known/target.py); others by that
    of mean steps. The effect of the engine's `version` counts where it has rows. Raises BadInput
    where the file has no fit of such steps, or none of these kernels, and where the kernels lack
    what the model needs, and for own steps that cannot be.
    """
    target = _target_with(file, served, steps, kernels)
    fit, rows = step_fit_of(file, target), as_rows(served, steps, version)
    model = _steps_of(file, target, kernels)
    settings = EngineSettings() if settings is None else settings
    terms, offloaded_us = model.terms_us(rows), offload_us(served, steps, settings)
    blend = _blend_of(model, rows)
    factors, calibration = step_factors(fit, rows, blend), None
    if own is not None:
        found = calibration_of(model, fit, own, rows, blend, settings)
        terms, calibration = _moved(terms, offloaded_us, found, floor_us(served))
        factors = calibration.factors
    step_us = np.asarray(sum([*terms.values(), offloaded_us]))
    power_w = j_per_token = j_factors = None
    if file.power is not None:
        power_w = power_of(file.power).power_w(rows, step_us)
        j_per_token = power_w * step_us / 1e6 / steps.running
        j_factors = energy_factors(file.power, fit, rows, factors)
    low_us, high_us = ends(step_us, factors)
    low_j_per_token, high_j_per_token = ends(j_per_token, j_factors)
    return StepPrediction(
        step_us=step_us,
        low_us=not_below_floor(low_us, step_us, served),
        high_us=high_us,
        parts_us=parts_us(terms, len(rows)) | {"offload": offloaded_us},
        power_w=power_w,
        j_per_token=j_per_token,
        low_j_per_token=low_j_per_token,
        high_j_per_token=high_j_per_token,
        tokens_per_s=steps.running / step_us * 1e6,
        unseen=unseen_of(file.power, fit, served),
        target=target,
        method=fit.method,
        beyond=beyond_rows(domain_of(file, target), columns_of(rows)),
        not_in_own_fit=unknown_to_own_fit(file, target, served, steps),
        kernel_weight=None if blend is None else blend.weight,
        calibration=calibration,
        known=None if model.known is None else model.known.told(rows),
        untold=untold_of(fit, served),
    )


def _moved(
    terms: Mapping[str, Array], offloaded_us: Array, by: Calibration, least_us: Array
) -> tuple[dict[str, Array], Calibration]:
    """The terms moved so that whole steps are, and by how much that is.

    Reading over the link of the host takes what it takes, and all else `least_us` or more.
    """
    of_terms_us = np.asarray(sum(terms.values()))
    whole_us = of_terms_us + offloaded_us
    left_us = np.maximum(by.ratio * whole_us - offloaded_us, least_us)
    moved = {name: values * left_us / of_terms_us for name, values in terms.items()}
    return moved, replace(by, ratio=(left_us + offloaded_us) / whole_us)


def _target_with(
    file: StepTimeFile, served: Deployment, steps: Steps, kernels: ModelKernels | None
) -> Target:
    """The kind of step that predicts; with kernels, mean steps where those alone have them."""
    target, mean = target_of(file, served, steps), file.steps.get("mean")
    has_none = kernels is None or mean is None or mean.kernels is None
    return target if has_none or file.steps[target].kernels is not None else "mean"


def _steps_of(
    file: StepTimeFile, target: Target, kernels: ModelKernels | None
) -> StepModel | BlendedSteps:
    model = step_model_of(file, target)
    if kernels is None:
        return model
    return BlendedSteps.of(model.pooled(), step_fit_of(file, target), kernels)


def _blend_of(model: StepModel | BlendedSteps, rows: ServingRows) -> Blend | None:
    if not isinstance(model, BlendedSteps):
        return None
    return model.blend_of(rows.deployments[0].model.name)
