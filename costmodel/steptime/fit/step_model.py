"""Fit the physics, then what configurations take beyond it."""

from collections.abc import Callable

import numpy as np

from ..effects import STEP_LEVELS, Effects
from ..features.steps import Array
from ..rows.serving_rows import ServingRows
from ..step_model import StepModel
from .folds import Fit
from .physics import Ties, fit_physics


def fit_step_model(rows: ServingRows, ties: Ties | None = None) -> StepModel:
    """Fit rows that passed the gate, of one kind of step; `ties` None: those of the class."""
    physics = fit_physics(rows, ties)
    left = np.log(rows.step_us / physics.step_us(rows))
    return StepModel(physics, Effects.fitted(rows, left, STEP_LEVELS).within(rows))


def fit_whole(rows: ServingRows) -> Callable[[ServingRows], Array]:
    """The same for cross-validation: what predicts others."""
    return fit_step_model(rows).step_us


def fit_tied(ties: Ties) -> Fit:
    """A fit with these ties, for cross-validation."""
    return lambda rows: fit_step_model(rows, ties).step_us
