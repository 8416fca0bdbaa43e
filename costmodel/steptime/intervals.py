"""What predictions lie within, by what has rows and what has none.

A known configuration has the errors of its own rows, at steps like these. Others have factors by
the errors of configurations that no fit saw, and the wider of what is new: a file holds those of
models, GPUs, engines and precisions without any row (fit/factors.py).
"""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from ...store.serving.kernel_fit import Blend
from ...store.serving.step_time_model import EnergyScore, PowerShares, StepFit
from .features.deployment import Deployment
from .features.experts import active_experts
from .features.steps import Array
from .known.asked import Asked, asked_of
from .own.conditions import Conditions
from .own.forms import KnownForms
from .roofline import weights_us
from .rows.serving_rows import Places, ServingRows

COVERAGE_PCT: Final = "90"


def unseen_of(power: PowerShares | None, fit: StepFit, served: Deployment) -> tuple[str, ...]:
    """What no row has: model, GPU, engine, precision, or power of the GPU where that has steps."""
    asked, gpu = list(asked_of(fit, served)), served.gpu_name
    if power is not None and gpu in fit.gpus:
        asked.append(Asked("power of the GPU", gpu, gpu in power.by_gpu))
    return tuple(f"{one.kind} {one.name}" for one in asked if not one.is_known)


def untold_of(fit: StepFit, served: Deployment) -> tuple[str, ...]:
    """Kinds of what no row has for which rows were too few to tell how far a new one is off."""
    new = [one.kind for one in asked_of(fit, served) if not one.is_known]
    return tuple(kind for kind in new if COVERAGE_PCT not in fit.unseen_factors.get(kind, {}))


def factors_for(fit: StepFit, served: Deployment, blend: Blend | None = None) -> dict[str, float]:
    """By coverage, the factor for a deployment: the widest of those of what no row has.

    Those of a `blend` with kernels hold for its model, with rows or without.
    """
    new = [one.kind for one in asked_of(fit, served) if not one.is_known]
    if blend is None:
        return _widest(fit.factors, fit.unseen_factors, new)
    return _widest(blend.factors, fit.unseen_factors, [kind for kind in new if kind != "model"])


def energy_factors_for(power: PowerShares, fit: StepFit, served: Deployment) -> dict[str, float]:
    """The same for J per token at predicted steps; a GPU is known where its power has rows."""
    return _of_score(power.j_per_token, power, fit, served)


def power_factors_for(power: PowerShares, fit: StepFit, served: Deployment) -> dict[str, float]:
    """The same for power at measured steps."""
    return _of_score(power.at_measured_step, power, fit, served)


def step_factors(fit: StepFit, rows: ServingRows, blend: Blend | None = None) -> Array | None:
    """The factor that 90 % of the steps like each row lie within, (n,).

    None where that of any is unknown. Known configurations have that of their own errors within
    the range of their rows, and the wider of both beyond it, unless kernels are blended.
    """
    found = unknown_factors(fit, rows, blend)
    if blend is None:
        for factor, inside, beyond in _own_factors(fit, rows):
            found[inside] = factor
            found[beyond] = np.maximum(factor, found[beyond])
    return found if np.isfinite(found).all() else None


def unknown_factors(fit: StepFit, rows: ServingRows, blend: Blend | None = None) -> Array:
    """The same without any row of the configuration; NaN where it is unknown."""
    by_place = [factors_for(fit, one, blend).get(COVERAGE_PCT, np.nan) for one in rows.deployments]
    return np.asarray(by_place)[rows.which]


def energy_factors(
    power: PowerShares, fit: StepFit, rows: ServingRows, factors: Array | None
) -> Array | None:
    """The factor that 90 % of joules per token lie within, (n,); None where that of any is unknown.

    Where the `factors` of steps are not those of any such deployment, the variance of the latter is
    taken out of that of energy, and theirs put in; it stays that of power at a known step or more.
    """
    by_place = [
        energy_factors_for(power, fit, one).get(COVERAGE_PCT, np.nan) for one in rows.deployments
    ]
    found = np.asarray(by_place)[rows.which]
    usual = unknown_factors(fit, rows)
    alone = power.at_measured_step.factors.get(COVERAGE_PCT, np.nan)
    if factors is None or not np.isfinite([*found, *usual, alone]).all():
        return None
    least = np.minimum(np.log(alone), np.log(found)) ** 2
    variance = np.log(found) ** 2 + np.log(factors) ** 2 - np.log(usual) ** 2
    return np.asarray(np.exp(np.sqrt(np.maximum(variance, least))))


def power_factors(power: PowerShares, fit: StepFit, rows: ServingRows) -> Array | None:
    """The factor that 90 % of powers at measured steps lie within, (n,); None as above."""
    by_place = [
        power_factors_for(power, fit, one).get(COVERAGE_PCT, np.nan) for one in rows.deployments
    ]
    found = np.asarray(by_place)[rows.which]
    return found if np.isfinite(found).all() else None


def ends(values: Array | None, factors: Array | None) -> tuple[Array | None, Array | None]:
    """What values of shape (n,) lie between, by factors (n,); None where either is unknown."""
    if values is None or factors is None:
        return None, None
    return values / factors, values * factors


def not_below_floor(low_us: Array | None, step_us: Array, served: Deployment) -> Array | None:
    """The low ends of steps, (n,), none shorter than reading the weights of one token once.

    Nor is one raised above the prediction.
    """
    if low_us is None:
        return None
    return np.minimum(step_us, np.maximum(low_us, floor_us(served)))


def floor_us(served: Deployment) -> Array:
    """Reading the weights of one token once at the data sheet's rate, (1,)."""
    return weights_us(served, active_experts(served.model, np.ones(1)))


def _own_factors(fit: StepFit, rows: ServingRows) -> Iterator[tuple[float, Places, Places]]:
    """The factors of known configurations, the rows in their range, and those beyond it."""
    if fit.own is None or (quantile := fit.own.log_quantiles.get(COVERAGE_PCT)) is None:
        return
    conditions = Conditions.of(rows.steps)
    for form, at in KnownForms(fit.own.by_configuration).members(rows):
        inside = conditions.inside(form.domain)[at]
        yield float(np.exp(form.log_error * quantile)), at[inside], at[~inside]


def _of_score(
    score: EnergyScore, power: PowerShares, fit: StepFit, served: Deployment
) -> dict[str, float]:
    new = [one.kind for one in asked_of(fit, served) if not one.is_known and one.kind != "GPU"]
    if served.gpu_name not in power.by_gpu:
        new.append("GPU")
    return _widest(score.factors, score.unseen_factors, new)


def _widest(
    factors: Mapping[str, float], unseen: Mapping[str, Mapping[str, float]], new: list[str]
) -> dict[str, float]:
    """By coverage, the largest of `factors` and those of what is new.

    A kind that rows are too few to tell has the largest of the other kinds.
    """
    found, of_any = dict(factors), _of_any(unseen)
    for kind in new:
        wider = unseen.get(kind) or of_any
        found |= {at: max(value, found.get(at, 1.0)) for at, value in wider.items()}
    return found


def _of_any(unseen: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """By coverage, the largest factor of all kinds."""
    found: dict[str, float] = {}
    for factors in unseen.values():
        found |= {at: max(value, found.get(at, 1.0)) for at, value in factors.items()}
    return found
