"""Fit the physics, then the effects of configurations on what it leaves."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ..effects import STEP_LEVELS, Effects
from ..features.steps import Array
from ..physics import Physics
from ..rows.serving_rows import Places, ServingRows
from ..step_model import StepModel
from .folds import Fit
from .physics.design import Ties
from .physics.law import fit_physics
from .targets import why_too_few

# Configurations of another vendor's GPUs that tell effects: with seven, AMD's were predicted the
# worse by them (docs/steptime-method.md).
_FEWEST: Final = 10


@dataclass(frozen=True, slots=True)
class Law:
    """The physics of steps, and what their configurations take beside it."""

    physics: Physics
    effects: Effects

    def step_model(self) -> StepModel:
        """The same, ready to predict."""
        return StepModel(self.physics, self.effects)


def fit_step_model(rows: ServingRows, ties: Ties | None = None) -> StepModel:
    """Fit rows that passed the gate, of one kind of step; `ties` None: those of the class."""
    return _fit_law(rows, ties).step_model()


def mean_beside(rows: ServingRows) -> Law | None:
    """What mean steps tell of steps that decode alone; None where there are too few of them.

    It rests on nothing that was left out of `rows`.
    """
    if rows.beside is None:
        return None
    mean = rows.beside.left_to(rows)
    return None if why_too_few(mean, "mean") else _fit_law(mean, None)


def fit_tied(ties: Ties) -> Fit:
    """A fit with these ties, for cross-validation."""
    return lambda rows: fit_step_model(rows, ties).step_us


def _fit_law(rows: ServingRows, ties: Ties | None) -> Law:
    if (mean := mean_beside(rows)) is None:
        physics = fit_physics(rows, ties)
        return Law(physics, _effects(rows, physics).within(rows))
    shared = mean.effects.log_ratio(rows)
    rows = rows.timed(rows.step_us / np.exp(shared))
    physics = fit_physics(rows, ties, mean.physics)
    return Law(physics, _effects(rows, physics).plus(mean.effects).within(rows))


def _effects(rows: ServingRows, physics: Physics) -> Effects:
    telling = rows.taken(_telling(rows))
    left: Array = np.log(telling.step_us / physics.step_us(telling))
    return Effects.fitted(telling, left, STEP_LEVELS)


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
