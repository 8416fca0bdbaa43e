"""Fit the physics, then what configurations take beyond it."""

from typing import Final

import numpy as np

from ..effects import STEP_LEVELS, Effects
from ..rows.serving_rows import Places, ServingRows
from ..step_model import StepModel
from .folds import Fit
from .physics import Ties, fit_physics

# Configurations of another vendor's GPUs that tell effects: with seven, AMD's were predicted the
# worse by them (docs/steptime-method.md).
_FEWEST: Final = 10


def fit_step_model(rows: ServingRows, ties: Ties | None = None) -> StepModel:
    """Fit rows that passed the gate, of one kind of step; `ties` None: those of the class."""
    physics = fit_physics(rows, ties)
    telling = rows.taken(_telling(rows))
    left = np.log(telling.step_us / physics.step_us(telling))
    return StepModel(physics, Effects.fitted(telling, left, STEP_LEVELS).within(rows))


def _telling(rows: ServingRows) -> Places:
    """The rows of the vendor that most have, and of others with enough configurations."""
    vendors, counts = np.unique(rows.vendors, return_counts=True)
    tell = [
        one
        for one, count in zip(vendors, counts, strict=True)
        if count == counts.max()
        or len(np.unique(rows.configurations[rows.vendors == one])) >= _FEWEST
    ]
    return np.flatnonzero(np.isin(rows.vendors, tell))


def fit_tied(ties: Ties) -> Fit:
    """A fit with these ties, for cross-validation."""
    return lambda rows: fit_step_model(rows, ties).step_us
