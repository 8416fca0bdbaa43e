"""Fit the physics, then what configurations take beyond it."""

from collections.abc import Callable

from ..effects import Effects
from ..features.steps import Array
from ..rows.serving_rows import ServingRows
from ..step_model import StepModel
from .folds import Fit
from .physics import Ties, fit_physics


def fit_step_model(rows: ServingRows, ties: Ties | None = None) -> StepModel:
    """Fit rows that passed the gate, of one kind of step; `ties` None: those of the class."""
    physics = fit_physics(rows, ties)
    return StepModel(physics, Effects.fitted(rows, physics.step_us(rows)))


def fit_whole(rows: ServingRows) -> Callable[[ServingRows], Array]:
    """The same for cross-validation: what predicts others."""
    return fit_step_model(rows).step_us


def fit_tied(ties: Ties) -> Fit:
    """A fit with these ties, for cross-validation."""
    return lambda rows: fit_step_model(rows, ties).step_us
