"""SRFA as it was designed: step = gamma F_fixed + softplus(beta F_comp), gamma >= 0.

F_fixed: 1, all-reduces, all-to-alls, base overhead. F_comp: 1, time of prefill, of decode, of the
cache, log(1 + batch), log(1 + context), share of prefill times share of decode. Decisions where the
text is open or wrong are listed in docs/steptime.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
from scipy.optimize import minimize

from ..features.steps import Array
from ..rows.serving_rows import ServingRows, columns_of
from .folds import shuffled_folds
from .physics import row_weights

_RIDGES: Final = (0.01, 0.1, 1.0)
_DELTAS: Final = (0.5, 1.0, 2.0)  # units: the residuals' own scale
_SCALE: Final = 0.15  # relative error that counts as one such unit
_FOLDS: Final = 5
_LINEAR_FROM: Final = 20.0  # where softplus(x) is x
_UNITS_US: Final = 1e3  # columns in ms
_WARM: Final = np.asarray([0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0])  # the roofline (R19)
_WINSOR: Final = 0.99


@dataclass(frozen=True, slots=True)
class Ridges:
    """Two ridges, of gamma and of beta, and Huber's delta."""

    gamma: float
    beta: float
    delta: float


@dataclass(frozen=True, slots=True)
class SrfaFit:
    """gamma (4,) and beta (7,), for columns in ms."""

    gamma: Array
    beta: Array
    ridges: Ridges

    def step_us(self, rows: ServingRows) -> Array:
        """Predict the mean step of each row; us, of shape (n,)."""
        fixed, computed = _columns(rows)
        return np.asarray((fixed @ self.gamma + softplus(computed @ self.beta)) * _UNITS_US)


def softplus(values: Array) -> Array:
    """log(1 + e^x), and x above 20."""
    return np.where(values > _LINEAR_FROM, values, np.log1p(np.exp(np.minimum(values, 20.0))))


def fit_srfa(rows: ServingRows, ridges: Ridges) -> SrfaFit:
    """Fit rows by L-BFGS-B from the roofline on, with an analytic gradient."""
    fixed, computed = _columns(rows)
    sizes = [np.sqrt((part**2).mean(axis=0)) for part in (fixed, computed)]
    sizes = [np.where(size > 0, size, 1.0) for size in sizes]
    fixed, computed = fixed / sizes[0], computed / sizes[1]
    highest = np.quantile(rows.step_us, _WINSOR)
    step = np.minimum(rows.step_us, highest) / _UNITS_US
    weights = row_weights(rows.configurations)
    first, scale = fixed.shape[1], float(np.median(step))
    strength = np.r_[np.full(first, ridges.gamma), np.full(len(_WARM), ridges.beta)] / scale**2

    def loss(values: Array) -> tuple[float, Array]:
        inner = computed @ values[first:]
        off = (fixed @ values[:first] + softplus(inner)) / step - 1
        pull = np.clip(off, -ridges.delta * _SCALE, ridges.delta * _SCALE)
        slope = weights * pull / step / weights.sum()
        slopes = [fixed.T @ slope, computed.T @ (slope / (1 + np.exp(-np.clip(inner, -50, 50))))]
        huber = (weights * pull * (off - pull / 2)).sum() / weights.sum()
        return huber + strength @ values**2, np.concatenate(slopes) + 2 * strength * values

    start = np.concatenate([np.full(first, 0.1), _WARM * sizes[1]])
    bounds = [(0, None)] * first + [(None, None)] * len(_WARM)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return SrfaFit(found[:first] / sizes[0], found[first:] / sizes[1], ridges)


def choose_ridges(rows: ServingRows, seed: int = 0) -> Ridges:
    """The best of 27 choices by the median error of five grouped folds."""
    labels = shuffled_folds(rows.configurations, _FOLDS, seed)
    choices = [Ridges(*values) for values in product(_RIDGES, _RIDGES, _DELTAS)]

    def error(ridges: Ridges) -> float:
        off = []
        for label in np.unique(labels):
            fitted = fit_srfa(rows.taken(np.flatnonzero(labels != label)), ridges)
            rest = rows.taken(np.flatnonzero(labels == label))
            off.append(np.abs(fitted.step_us(rest) / rest.step_us - 1))
        return float(np.median(np.concatenate(off)))

    return min(choices, key=error)


def fit_with(ridges: Ridges) -> Callable[[ServingRows], Callable[[ServingRows], Array]]:
    """A fit with these ridges, for cross-validation."""
    return lambda rows: fit_srfa(rows, ridges).step_us


def _columns(rows: ServingRows) -> tuple[Array, Array]:
    """F_fixed (n, 4) and F_comp (n, 7), times in ms."""
    columns, steps = columns_of(rows), rows.steps
    one = np.ones(len(rows))
    layers = columns["layers"] / _UNITS_US
    split = np.asarray([float(served.tp > 1) for served in rows.deployments])[rows.which]
    spread = np.asarray([float(max(served.ep, served.dp) > 1) for served in rows.deployments])[
        rows.which
    ]
    fixed = [one, layers * split, layers * spread * rows.has_experts, one]
    times = [
        sum(columns[f"{when}{part}_flops"] for part in ("dense", "expert", "attention"))
        for when in ("prefill_", "")
    ]
    prefill = steps.prefill_tokens / (steps.prefill_tokens + steps.running)
    computed = [one, *(time / _UNITS_US for time in (*times, columns["kv"]))]
    shape = [np.log1p(steps.running), np.log1p(steps.context_tokens), prefill * (1 - prefill)]
    return np.column_stack(fixed), np.column_stack([*computed, *shape])
