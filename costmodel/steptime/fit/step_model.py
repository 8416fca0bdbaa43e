"""Fit the physics, then what configurations take beyond it."""

from collections.abc import Callable

from ..effects import Effects
from ..features.steps import Array
from ..rows.serving_rows import ServingRows
from ..step_model import StepModel
from .physics import fit_physics


def fit_step_model(rows: ServingRows) -> StepModel:
    """Fit rows that passed the gate, of one kind of step."""
    physics = fit_physics(rows)
    return StepModel(physics, Effects.fitted(rows, physics.step_us(rows)))


def fit_whole(rows: ServingRows) -> Callable[[ServingRows], Array]:
    """The same for cross-validation: what predicts others."""
    return fit_step_model(rows).step_us
