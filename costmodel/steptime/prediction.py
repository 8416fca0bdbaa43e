"""Predict steps, power and energy of one deployment from `step_time_model.json`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np

from ...store.errors import BadInput
from ...store.serving.kernel_fit import Blend
from ...store.serving.step_time_model import (
    Method,
    MethodScore,
    PowerShares,
    StepFit,
    StepTimeFile,
    Target,
)
from .blackbox import Blackbox
from .composition.blended import BlendedSteps
from .composition.kernels import ModelKernels
from .effects import Effects
from .features.deployment import Deployment
from .features.steps import Array, Steps
from .intervals import (
    ends,
    energy_factors,
    not_below_floor,
    step_factors,
    unknown_factors,
    unseen_of,
    untold_of,
)
from .known.beyond import beyond_rows, domain_of
from .known.target import KINDS, is_bounded, target_of, unknown_to_own_fit
from .own.forms import Known, known_forms
from .own.points import Calibration, OwnSteps, calibrated, is_expected, once_each, refuse_impossible
from .physics import Physics
from .power import Power
from .rows.serving_rows import ServingRows, columns_of
from .rows.workload import workloads
from .srfa.form import Srfa
from .step_model import Bound, StepModel

# What a reader wants to know of a step, by the terms that add up to it; each term is in one. Those
# of the physics fit come first, then those of SRFA and of the blackbox.
PARTS: Final = {
    "weights": ("dense_weights", "weights_time"),
    "experts": ("expert_weights",),
    "kv": ("kv", "kv_time"),
    "attention": ("attention_flops",),
    "sampling": ("logits",),
    "compute": ("dense_flops", "expert_flops", "decode_time"),
    "communication": (
        "all_reduce_rounds", "all_reduce", "all_to_all_rounds", "all_to_all",
        "all_reduce_layers", "all_to_all_layers", "router_and_dispatch",
    ),
    "prefill": (
        "prefill_weights", "prefill_dense_flops", "prefill_expert_flops",
        "prefill_attention_flops", "prefill_sent", "prefill_layers",
        "prefill_time", "prefill_token",
    ),
    "overhead": (
        "layers", "moe_layers", "fp8_moe_layers", "latent_layers", "sparse_layers",
        "linear_layers", "requests", "steps", "fixed", "base", "computed", "log_batch",
        "log_context", "mixed_batch", "step", "running_request",
    ),
}  # fmt: skip


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
    added_us: Mapping[str, Array] | None = None,
    kernels: ModelKernels | None = None,
) -> StepPrediction:
    """Predict steps; with `own` ones, by what they take beyond the prediction.

    `added_us` are parts that no fit knows of, each of shape (n,): they add to the step. Measured
    `kernels` of the GPU count as the fit blends them. Steps that all decode alone are predicted by
    the fit of those, unless that of mean steps knows the deployment better (known/target.py);
    others by that of mean steps. The effect of the engine's `version` counts where it has rows.
    Raises BadInput where the file has no fit of such steps, or none of these kernels, and where the
    kernels lack what the model needs, and for own steps that cannot be.
    """
    target = _target_with(file, served, steps, kernels)
    fit, rows = step_fit_of(file, target), as_rows(served, steps, version)
    model = _steps_of(file, target, kernels)
    terms, added = model.terms_us(rows), dict(added_us or {})
    blend = _blend_of(model, rows)
    factors, calibration = step_factors(fit, rows, blend), None
    if own is not None:
        calibration = _calibration(model, fit, own, rows, version)
        terms, added = (
            {name: values * calibration.ratio for name, values in some.items()}
            for some in (terms, added)
        )
        factors = calibration.factors
    step_us = np.asarray(sum([*terms.values(), *added.values()]))
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
        parts_us=_parts_us(terms, len(rows)) | added,
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


def power_of(found: PowerShares) -> Power:
    """The power of a file, ready to predict."""
    effects = Effects({name: dict(level) for name, level in found.effects.items()})
    return Power(dict(found.shares), dict(found.by_gpu), effects)


def step_model_of(file: StepTimeFile, target: Target) -> StepModel:
    """The coefficients of a kind of step, ready to predict.

    Steps that decode alone are no longer than mean steps. Raises BadInput where the file has no fit
    of the kind.
    """
    model = _unbounded(file, target)
    if target == "mean" or "mean" not in file.steps:
        return model
    return replace(model, bound=Bound(_unbounded(file, "mean"), partial(is_bounded, file)))


def _unbounded(file: StepTimeFile, target: Target) -> StepModel:
    fit = step_fit_of(file, target)
    known = known_forms(file, target)
    if fit.srfa is not None:
        srfa = Srfa(dict(fit.srfa.gamma), fit.srfa.moe_scalar, dict(fit.srfa.beta))
        return StepModel(srfa, known=known)
    if fit.physics is None:
        return StepModel(Blackbox(dict(fit.blackbox or {})), known=known)
    terms = fit.physics
    by_engine = {name: dict(own) for name, own in terms.by_engine.items()}
    by_vendor = {name: dict(own) for name, own in terms.by_vendor.items()}
    by_level = {name: dict(level) for name, level in terms.effects.items()}
    effects = Effects(by_level, frozenset(fit.models), frozenset(fit.gpus))
    return StepModel(Physics(dict(terms.coefficients), by_engine, by_vendor), effects, known)


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


def step_fit_of(file: StepTimeFile, target: Target) -> StepFit:
    """The fit of a kind of step. Raises BadInput where the file has none."""
    if (fit := file.steps.get(target)) is None:
        why = file.absent.get(target, "the file does not say why")
        raise BadInput(
            f"the model has no fit of {KINDS[target]}: {why}",
            hint="build it anew from rows that tell them, with moeprof steptime fit",
        )
    return fit


def found_score(file: StepTimeFile, target: Target) -> MethodScore:
    """The error of the method that predicts a kind of step, on configurations it never saw.

    Raises BadInput where the file has no fit of it.
    """
    fit = step_fit_of(file, target)
    return fit.scores[fit.method]


def _parts_us(terms: Mapping[str, Array], count: int) -> dict[str, Array]:
    return {
        part: np.asarray(sum((terms[name] for name in names if name in terms), np.zeros(count)))
        for part, names in PARTS.items()
    }


def as_rows(served: Deployment, steps: Steps, version: str = "") -> ServingRows:
    """Steps of one deployment as rows that nobody measured."""
    count = len(steps.running)
    unknown, none = np.full(count, np.nan), np.full(count, "")
    return ServingRows(
        deployments=(served,),
        which=np.zeros(count, dtype=np.intp),
        steps=steps,
        stated_us=unknown,
        step_us=unknown,
        decode_us=unknown,
        power_w=unknown,
        version=np.full(count, version),
        source=none,
        name=none,
        time_s=unknown,
        workload=workloads(steps, unknown),
    )


def _calibration(
    model: StepModel | BlendedSteps, fit: StepFit, own: OwnSteps, rows: ServingRows, version: str
) -> Calibration:
    """How far own steps move `rows` of their deployment, and what these then lie within.

    Raises BadInput for an own step that cannot be.
    """
    served, blend = rows.deployments[0], _blend_of(model, rows)
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


def _blend_of(model: StepModel | BlendedSteps, rows: ServingRows) -> Blend | None:
    if not isinstance(model, BlendedSteps):
        return None
    return model.blend_of(rows.deployments[0].model.name)
