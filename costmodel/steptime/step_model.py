"""Predict a step of a deployment: the terms of one form, times what its configuration adds."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from .blackbox import Blackbox
from .effects import Effects
from .features.deployment import Deployment
from .features.steps import Array
from .own.forms import KnownForms
from .physics import Physics
from .rows.serving_rows import ServingRows
from .srfa.form import Srfa


@dataclass(frozen=True, slots=True)
class Bound:
    """Steps that others of a deployment are no longer than, where `holds` says so of it."""

    model: "StepModel"
    holds: Callable[[Deployment], bool]

    def share(self, rows: ServingRows, step_us: Array) -> Array:
        """What is left of steps of n rows, 1 at most; both of shape (n,)."""
        holds = np.asarray([self.holds(one) for one in rows.deployments])[rows.which]
        return np.where(holds, np.minimum(1.0, self.model.step_us(rows) / step_us), 1.0)


@dataclass(frozen=True, slots=True)
class StepModel:
    """A form, the effects of configurations on it, and what known ones take beside both.

    `effects`, `known` and `bound` are None where there are none.
    """

    form: Physics | Srfa | Blackbox
    effects: Effects | None = None
    known: KnownForms | None = None
    bound: Bound | None = None

    def step_us(self, rows: ServingRows) -> Array:
        """Predict the step of each row; of shape (n,)."""
        return np.asarray(sum(self.terms_us(rows).values()))

    def terms_us(self, rows: ServingRows) -> dict[str, Array]:
        """What adds up to that step, by name; us, each of shape (n,)."""
        terms = self.form.terms_us(rows)
        log_ratio = np.zeros(len(rows))
        if self.effects is not None:
            log_ratio += self.effects.log_ratio(rows)
        if self.known is not None:
            log_ratio += self.known.log_ratio(rows, self.pooled().step_us)
        ratio = np.exp(log_ratio)
        if self.bound is not None:
            ratio *= self.bound.share(rows, np.asarray(sum(terms.values())) * ratio)
        return {name: values * ratio for name, values in terms.items()}

    def pooled(self) -> "StepModel":
        """The same without what known configurations take beside it, and without a bound."""
        return replace(self, known=None, bound=None)

    def of_single_steps(self) -> "StepModel":
        """The same for single steps: what known configurations take does not know prompts."""
        known = None if self.known is None else self.known.without_prompts()
        bound = self.bound
        if bound is not None:
            bound = replace(bound, model=bound.model.of_single_steps())
        return replace(self, known=known, bound=bound)
