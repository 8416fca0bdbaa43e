"""Predict a step of a deployment: the terms of one form, times what its configuration adds."""

from dataclasses import dataclass

import numpy as np

from .blackbox import Blackbox
from .effects import Effects
from .features.steps import Array
from .physics import Physics
from .rows.serving_rows import ServingRows
from .srfa.form import Srfa


@dataclass(frozen=True, slots=True)
class StepModel:
    """A form, and the effects of configurations on it; None: of none."""

    form: Physics | Srfa | Blackbox
    effects: Effects | None = None

    def step_us(self, rows: ServingRows) -> Array:
        """Predict the step of each row; of shape (n,)."""
        return np.asarray(sum(self.terms_us(rows).values()))

    def terms_us(self, rows: ServingRows) -> dict[str, Array]:
        """What adds up to that step, by name; us, each of shape (n,)."""
        terms = self.form.terms_us(rows)
        if self.effects is None:
            return terms
        ratio = np.exp(self.effects.log_ratio(rows))
        return {name: values * ratio for name, values in terms.items()}
