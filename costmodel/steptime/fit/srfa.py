"""Fit SRFA by L-BFGS-B from the roofline on; its ridges and delta by grouped cross-validation."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Final, Self

import numpy as np
from scipy.optimize import minimize

from ..features.steps import Array
from ..rows.serving_rows import Places, ServingRows
from ..srfa.features import COMPUTED, FIXED, MOE, srfa_columns
from ..srfa.form import Srfa, softplus, softplus_slope
from ..step_model import StepModel
from .folds import Fit, shuffled_folds
from .physics.design import row_weights

_RIDGES: Final = (0.01, 0.1, 1.0)
_DELTAS: Final = (0.5, 1.0, 2.0)
_UNIT: Final = 0.15  # relative error by which ridges and delta are counted
_FOLDS: Final = 5
_WINSOR: Final = 0.99
_EXACTLY: Final = 1e-9  # relative change of the loss at which L-BFGS-B ends
_ROUGHLY: Final = 1e-5  # choices are told apart by it
_NAMES: Final = (*FIXED, MOE, *COMPUTED)
# Times at peak rates have coefficients of 1 in a roofline (R19); the expert scalar starts there.
_WARM: Final = np.asarray([float(name == MOE or name.endswith("_time")) for name in _NAMES])
_LEAST: Final = (*(0.0 for _ in FIXED), 1.0, *(None for _ in COMPUTED))


@dataclass(frozen=True, slots=True)
class Ridges:
    """Two ridges, of gamma and of beta, and Huber's delta."""

    gamma: float
    beta: float
    delta: float


CHOICES: Final = tuple(Ridges(*values) for values in product(_RIDGES, _RIDGES, _DELTAS))


@dataclass(frozen=True, slots=True)
class Observed:
    """Features (n, 13), steps in us and weights of rows: computed once for many fits."""

    columns: Array
    step_us: Array
    weights: Array

    @classmethod
    def of(cls, rows: ServingRows) -> Self:
        """Compute them."""
        columns = np.column_stack(list(srfa_columns(rows).values()))
        return cls(columns, rows.step_us, row_weights(rows.configurations))

    def taken(self, rows: Places) -> Self:
        """Those at `rows`."""
        return type(self)(self.columns[rows], self.step_us[rows], self.weights[rows])

    def predicted_us(self, coefficients: Array) -> Array:
        """Steps by coefficients of shape (13,); of shape (n,)."""
        first = len(FIXED) + 1
        inner = self.columns[:, first:] @ coefficients[first:]
        return np.asarray(self.columns[:, :first] @ coefficients[:first] + softplus(inner))


def fit_srfa(rows: ServingRows, ridges: Ridges) -> Srfa:
    """Fit rows by L-BFGS-B from the roofline on, with an analytic gradient."""
    named = dict(zip(_NAMES, map(float, minimum(Observed.of(rows), ridges)), strict=True))
    return Srfa(
        {name: named[name] for name in FIXED}, named[MOE], {name: named[name] for name in COMPUTED}
    )


def minimum(
    observed: Observed, ridges: Ridges, start: Array | None = None, tolerance: float = _EXACTLY
) -> Array:
    """Coefficients of the least loss, of shape (13,), from `start` on, else from the roofline's.

    Huber's loss of (predicted / measured - 1) / 15 % with steps cut off at their 99th percentile,
    and the ridges times the squares of gamma and beta, on columns scaled to one median step.
    """
    step_us = np.minimum(observed.step_us, np.quantile(observed.step_us, _WINSOR))
    sizes = np.sqrt((observed.columns**2).mean(axis=0)) / np.median(step_us)
    sizes = np.where(sizes > 0, sizes, 1.0)
    columns = observed.columns / sizes
    weights = observed.weights / observed.weights.sum()
    first = len(FIXED) + 1
    strength = np.r_[np.full(len(FIXED), ridges.gamma), 0.0, np.full(len(COMPUTED), ridges.beta)]

    def loss(values: Array) -> tuple[float, Array]:
        inner = columns[:, first:] @ values[first:]
        off = ((columns[:, :first] @ values[:first] + softplus(inner)) / step_us - 1) / _UNIT
        pull = np.clip(off, -ridges.delta, ridges.delta)
        slope = weights * pull / step_us / _UNIT
        slopes = [slope @ columns[:, :first], (slope * softplus_slope(inner)) @ columns[:, first:]]
        huber = float(weights @ (pull * (off - pull / 2)))
        return huber + strength @ values**2, np.concatenate(slopes) + 2 * strength * values

    least = [None if one is None else one * size for one, size in zip(_LEAST, sizes, strict=True)]
    begin = (_WARM if start is None else start) * sizes
    bounds = [(one, None) for one in least]
    found = minimize(
        loss, begin, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": tolerance}
    )
    return np.asarray(found.x / sizes)


def choose_ridges(rows: ServingRows, seed: int = 0) -> Ridges:
    """The best of 27 choices by the median error of five grouped folds.

    The choices of a fold are fitted one after the other, each from where the last one ended.
    """
    observed, off = Observed.of(rows), np.zeros((len(CHOICES), len(rows)))
    labels = shuffled_folds(rows.configurations, _FOLDS, seed)
    for label in np.unique(labels):
        at, rest = np.flatnonzero(labels == label), np.flatnonzero(labels != label)
        training, scored, found = observed.taken(rest), observed.taken(at), None
        for place, ridges in enumerate(CHOICES):
            found = minimum(training, ridges, found, _ROUGHLY)
            off[place, at] = np.abs(scored.predicted_us(found) / scored.step_us - 1)
    return CHOICES[int(np.argmin(np.median(off, axis=1)))]


def fit_with(ridges: Ridges) -> Fit:
    """A fit with these ridges, for cross-validation."""
    return lambda rows: StepModel(fit_srfa(rows, ridges)).step_us


def fit_nested(rows: ServingRows) -> Callable[[ServingRows], Array]:
    """A fit whose ridges are chosen by its own rows alone: what it leaves out had no say."""
    return fit_with(choose_ridges(rows))(rows)
