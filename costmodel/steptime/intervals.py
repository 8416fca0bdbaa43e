"""What predictions lie within: factors by the errors of what no fit saw, the wider of what is new.

A file holds factors for configurations without rows, and for models, GPUs and engines without any
(fit/factors.py).
"""

from collections.abc import Mapping

from ...store.serving.kernel_fit import Blend
from ...store.serving.step_time_model import PowerShares, StepFit
from .features.deployment import Deployment


def factors_for(fit: StepFit, served: Deployment, blend: Blend | None = None) -> dict[str, float]:
    """By coverage, the factor for a deployment: the widest of those of what no row has.

    Those of a `blend` with kernels hold for its model, with rows or without.
    """
    new = _new(names_asked(fit, served))
    if blend is None:
        return _widest(fit.factors, fit.unseen_factors, new)
    return _widest(blend.factors, fit.unseen_factors, [kind for kind in new if kind != "model"])


def energy_factors_for(power: PowerShares, fit: StepFit, served: Deployment) -> dict[str, float]:
    """The same for J per token at predicted steps; a GPU is known where its power has rows."""
    asked = names_asked(fit, served) | {"GPU": (served.gpu_name, tuple(power.by_gpu))}
    return _widest(power.j_per_token.factors, power.j_per_token.unseen_factors, _new(asked))


def names_asked(fit: StepFit, served: Deployment) -> dict[str, tuple[str, tuple[str, ...]]]:
    """By kind, the name that is asked for and those that have rows."""
    return {
        "model": (served.model.name, fit.models),
        "GPU": (served.gpu_name, fit.gpus),
        "engine": (served.engine, fit.engines),
    }


def _new(asked: Mapping[str, tuple[str, tuple[str, ...]]]) -> list[str]:
    """The kinds whose name has no rows."""
    return [kind for kind, (name, known) in asked.items() if name not in known]


def _widest(
    factors: Mapping[str, float], unseen: Mapping[str, Mapping[str, float]], new: list[str]
) -> dict[str, float]:
    """By coverage, the largest of `factors` and those of what is new."""
    found = dict(factors)
    for kind in new:
        wider = unseen.get(kind, {})
        found |= {at: max(value, found.get(at, 1.0)) for at, value in wider.items()}
    return found
