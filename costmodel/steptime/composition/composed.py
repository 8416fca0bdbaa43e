"""A step composed of measured kernels and of what the physics fit says of the rest."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from ..features.parameters import attention_parameters, dense_parameters, head_parameters
from ..features.steps import Array
from ..physics import Physics
from ..rows.serving_rows import ServingRows
from .columns import COLUMNS, kernel_columns
from .kernels import ModelKernels
from .products import products_of

_WEIGHTS: Final = ("dense_weights", "expert_weights")
_PRODUCTS: Final = ("dense_flops", "prefill_dense_flops")  # measured products replace their part
_EXPERTS: Final = ("expert_flops", "prefill_expert_flops")  # measured experts replace the whole
TERMS: Final = ("weights", *COLUMNS, "rest")


@dataclass(frozen=True, slots=True)
class Composed:
    """Coefficients by the names of TERMS, of a step of kernels and of physics."""

    coefficients: dict[str, float]
    physics: Physics
    kernels: ModelKernels

    def step_us(self, rows: ServingRows) -> Array:
        """Predict the step of each row; of shape (n,). Raises BadInput as kernel_columns does."""
        terms = composed_terms(rows, self.physics, columns_of_kernels(rows, self.kernels))
        return np.asarray(terms @ [self.coefficients[name] for name in TERMS])


def columns_of_kernels(rows: ServingRows, kernels: ModelKernels) -> Array:
    """The columns of kernels for every row, in the order of COLUMNS; of shape (n, 3)."""
    found = np.zeros((len(rows), len(COLUMNS)))
    for place in np.unique(rows.which):
        at = np.flatnonzero(rows.which == place)
        columns = kernel_columns(kernels, rows.deployments[place], rows.steps.taken(at))
        found[at] = np.column_stack([columns[name] for name in COLUMNS])
    return found


def composed_terms(rows: ServingRows, physics: Physics, of_kernels: Array) -> Array:
    """What the coefficients multiply, in the order of TERMS; us, of shape (n, 5)."""
    terms = physics.terms_us(rows)
    priced = {*_WEIGHTS, *_PRODUCTS, *_EXPERTS}
    others = (1 - _share_of_products(rows)) * _sum(terms, _PRODUCTS)
    rest = others + _sum(terms, [name for name in terms if name not in priced])
    return np.column_stack([_sum(terms, _WEIGHTS), of_kernels, rest])


def terms_without_kernels(rows: ServingRows, physics: Physics) -> Array:
    """The same with arithmetic at the data sheet's rate in place of kernels; of shape (n, 5).

    What kernels tell is what they predict better than this.
    """
    terms = physics.terms_us(rows)
    products = _share_of_products(rows) * _sum(terms, _PRODUCTS)
    arithmetic = [products, _sum(terms, _EXPERTS), np.zeros(len(rows))]
    return composed_terms(rows, physics, np.column_stack(arithmetic))


def _share_of_products(rows: ServingRows) -> Array:
    """The part of the dense arithmetic that products compute, by parameters; of shape (n,)."""
    shares = []
    for served in rows.deployments:
        model, products = served.model, products_of(served)
        computed = served.tp * sum(one.layers * one.outputs * one.inputs for one in products)
        every = attention_parameters(model) + dense_parameters(model) + head_parameters(model)
        shares.append(min(1.0, computed / every))
    return np.asarray(shares)[rows.which]


def _sum(terms: dict[str, Array], names: Iterable[str]) -> Array:
    return np.asarray(np.sum([terms[name] for name in names], axis=0))
