"""Steps of the physics fit, moved towards those of measured kernels as far as these are better."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from ....store.errors import BadInput
from ....store.serving.kernel_fit import Blend, KernelFit
from ....store.serving.step_time_model import StepFit
from ..features.steps import Array
from ..physics import Physics
from ..rows.serving_rows import ServingRows
from ..step_model import StepModel
from .composed import Composed
from .kernels import ModelKernels


@dataclass(frozen=True, slots=True)
class BlendedSteps:
    """`model`, and steps of kernels that count by the weights of `fit`.

    `models` are those that have rows, for which `fit.known` counts, and `fit.unseen` for others.
    """

    model: StepModel
    composed: Composed
    fit: KernelFit
    models: frozenset[str]
    known: None = None  # kernels are blended with the fit of all rows

    @classmethod
    def of(cls, model: StepModel, fit: StepFit, kernels: ModelKernels) -> Self:
        """Blend the `model` of a fit with kernels.

        Raises BadInput where it was fitted without kernels, or with those of another file.
        """
        measured = fit.kernels
        if measured is None or not isinstance(model.form, Physics):
            raise BadInput(
                "the model of steps was fitted without kernels",
                hint="fit it with them: moeprof steptime fit DIR --kernel-model FILE",
            )
        if measured.sha256 != kernels.sha256:
            raise BadInput(
                f"the model of steps was fitted with other kernels, of {measured.device}",
                hint="name the same kernel model, or fit anew with this one",
            )
        composed = Composed(dict(measured.coefficients), model.form, kernels)
        return cls(model, composed, measured, frozenset(fit.models))

    def blend_of(self, model: str) -> Blend:
        """The blend that counts for a model of this name."""
        return self.fit.known if model in self.models else self.fit.unseen

    def terms_us(self, rows: ServingRows) -> dict[str, Array]:
        """What adds up to the step of each row, as the physics shares it out; us, each (n,)."""
        terms = self.model.terms_us(rows)
        of_each = tuple(self.blend_of(one.model.name).weight for one in rows.deployments)
        weight = np.asarray(of_each)[rows.which]
        ratio = (self.composed.step_us(rows) / np.sum(list(terms.values()), axis=0)) ** weight
        return {name: values * ratio for name, values in terms.items()}

    def step_us(self, rows: ServingRows) -> Array:
        """Predict the step of each row; of shape (n,)."""
        return np.asarray(np.sum(list(self.terms_us(rows).values()), axis=0))
