"""What `step_time_model.json` holds of a kind of step and of power, ready to predict."""

from dataclasses import replace
from functools import partial

from ....store.errors import BadInput
from ....store.serving.step_time_model import (
    MethodScore,
    PowerShares,
    StepFit,
    StepTimeFile,
    Target,
)
from ..blackbox import Blackbox
from ..effects import Effects
from ..known.target import KINDS, is_bounded
from ..own.forms import known_forms
from ..physics import Physics
from ..power import Power
from ..srfa.form import Srfa
from ..step_model import Bound, StepModel


def step_fit_of(file: StepTimeFile, target: Target) -> StepFit:
    """The fit of a kind of step. Raises BadInput where the file has none."""
    if (fit := file.steps.get(target)) is None:
        why = file.absent.get(target, "the file does not say why")
        raise BadInput(
            f"the model has no fit of {KINDS[target]}: {why}",
            hint="build it anew from rows that tell them, with moeprof steptime fit",
        )
    return fit


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


def found_score(file: StepTimeFile, target: Target) -> MethodScore:
    """The error of the method that predicts a kind of step, on configurations it never saw.

    Raises BadInput where the file has no fit of it.
    """
    fit = step_fit_of(file, target)
    return fit.scores[fit.method]


def power_of(found: PowerShares) -> Power:
    """The power of a file, ready to predict."""
    effects = Effects({name: dict(level) for name, level in found.effects.items()})
    return Power(dict(found.shares), dict(found.by_gpu), effects)
