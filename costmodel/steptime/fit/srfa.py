"""Fit SRFA by L-BFGS-B from the roofline on; its ridges and delta by grouped cross-validation."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
from scipy.optimize import minimize

from ..features.steps import Array
from ..rows.serving_rows import ServingRows
from ..srfa import COMPUTED, FIXED, Srfa, softplus, srfa_columns
from ..step_model import StepModel
from .folds import shuffled_folds
from .physics import row_weights

_RIDGES: Final = (0.01, 0.1, 1.0)
_DELTAS: Final = (0.5, 1.0, 2.0)  # units: the residuals' own scale
_SCALE: Final = 0.15  # relative error that counts as one such unit
_FOLDS: Final = 5
_WARM: Final = np.asarray([0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0])  # the roofline (R19)
_WINSOR: Final = 0.99


@dataclass(frozen=True, slots=True)
class Ridges:
    """Two ridges, of gamma and of beta, and Huber's delta."""

    gamma: float
    beta: float
    delta: float


def fit_srfa(rows: ServingRows, ridges: Ridges) -> Srfa:
    """Fit rows by L-BFGS-B from the roofline on, with an analytic gradient."""
    step_us = np.minimum(rows.step_us, np.quantile(rows.step_us, _WINSOR))
    middle_us = float(np.median(step_us))
    fixed, computed = (np.column_stack(list(part.values())) for part in srfa_columns(rows))
    sizes = [np.sqrt((part**2).mean(axis=0)) / middle_us for part in (fixed, computed)]
    sizes = [np.where(size > 0, size, 1.0) for size in sizes]
    fixed, computed = fixed / sizes[0], computed / sizes[1]
    weights = row_weights(rows.configurations)
    weights = weights / weights.sum()
    first = fixed.shape[1]
    strength = np.r_[np.full(first, ridges.gamma), np.full(len(_WARM), ridges.beta)]

    def loss(values: Array) -> tuple[float, Array]:
        inner = computed @ values[first:]
        off = (fixed @ values[:first] + softplus(inner)) / step_us - 1
        pull = np.clip(off, -ridges.delta * _SCALE, ridges.delta * _SCALE)
        slope = weights * pull / step_us
        slopes = [fixed.T @ slope, computed.T @ (slope / (1 + np.exp(-np.clip(inner, -50, 50))))]
        huber = (weights * pull * (off - pull / 2)).sum()
        return huber + strength @ values**2, np.concatenate(slopes) + 2 * strength * values

    start = np.concatenate([np.full(first, 0.01), _WARM * sizes[1]])
    bounds = [(0, None)] * first + [(None, None)] * len(_WARM)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    gamma, beta = found[:first] / sizes[0], found[first:] / sizes[1]
    return Srfa(
        dict(zip(FIXED, map(float, gamma), strict=True)),
        dict(zip(COMPUTED, map(float, beta), strict=True)),
    )


def choose_ridges(rows: ServingRows, seed: int = 0) -> Ridges:
    """The best of 27 choices by the median error of five grouped folds."""
    labels = shuffled_folds(rows.configurations, _FOLDS, seed)
    choices = [Ridges(*values) for values in product(_RIDGES, _RIDGES, _DELTAS)]

    def error(ridges: Ridges) -> float:
        off, fit = [], fit_with(ridges)
        for label in np.unique(labels):
            rest = rows.taken(np.flatnonzero(labels == label))
            predicted = fit(rows.taken(np.flatnonzero(labels != label)))(rest)
            off.append(np.abs(predicted / rest.step_us - 1))
        return float(np.median(np.concatenate(off)))

    return min(choices, key=error)


def fit_with(ridges: Ridges) -> Callable[[ServingRows], Callable[[ServingRows], Array]]:
    """A fit with these ridges, for cross-validation."""
    return lambda rows: StepModel(fit_srfa(rows, ridges)).step_us
