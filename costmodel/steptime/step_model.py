"""Predict the mean step of a deployment: physics, times what its configuration is known to add."""

from dataclasses import dataclass

import numpy as np

from .effects import Effects
from .features.steps import Array
from .physics import Physics
from .rows.serving_rows import ServingRows


@dataclass(frozen=True, slots=True)
class StepModel:
    """The physics fit and the effects of configurations."""

    physics: Physics
    effects: Effects

    def step_us(self, rows: ServingRows) -> Array:
        """Predict the mean step of each row; of shape (n,)."""
        ratio = np.exp(self.effects.log_ratio(rows))
        return np.asarray(self.physics.step_us(rows) * ratio)
