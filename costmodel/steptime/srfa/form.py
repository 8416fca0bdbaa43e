"""SRFA: step = gamma F_fixed + s F_moe + softplus(beta F_comp), gamma >= 0, s >= 1; us."""

from dataclasses import dataclass
from math import exp, log1p
from typing import Final

import numpy as np

from ..features.steps import Array
from ..rows.serving_rows import ServingRows, columns_of
from .features import COMPUTED, MOE, WEIGHTS, features_of

_LINEAR_FROM: Final = 20.0  # softplus(x) is x from there on
_READ: Final = ("dense_weights", "expert_weights")


@dataclass(frozen=True, slots=True)
class Srfa:
    """gamma and beta by the names of their features, whose times are in us; `moe_scalar` is s."""

    gamma: dict[str, float]
    moe_scalar: float
    beta: dict[str, float]

    def terms_us(self, rows: ServingRows) -> dict[str, Array]:
        """What each feature adds to the step of each row; us, each of shape (n,).

        beta may be below 0, and so may its terms. What softplus adds is in the term "computed". The
        read of the weights is told as that of the layers and that of experts.
        """
        columns = columns_of(rows)
        features = features_of(rows, columns)
        known = {**self.gamma, MOE: self.moe_scalar, **self.beta}
        terms = {name: known[name] * values for name, values in features.items()}
        inner = np.asarray(sum(terms[name] for name in COMPUTED))
        terms["computed"] = terms["computed"] + softplus(inner) - inner
        del terms[WEIGHTS]
        return terms | {name: self.beta[WEIGHTS] * columns[name] for name in _READ}


def softplus(values: Array) -> Array:
    """log(1 + e^x), and x above 20."""
    found = values.copy()
    low = values <= _LINEAR_FROM
    found[low] = np.log1p(np.exp(values[low]))
    return found


def softplus_of(value: float) -> float:
    """The same of one number."""
    return value if value > _LINEAR_FROM else log1p(exp(value))


def softplus_slope(values: Array) -> Array:
    """Its derivative, 1 above 20."""
    found = np.ones(len(values))
    low = values <= _LINEAR_FROM
    found[low] = 1 / (1 + np.exp(-np.maximum(values[low], -50)))
    return found
