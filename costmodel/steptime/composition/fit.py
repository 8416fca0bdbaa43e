"""Fit a step composed of kernels, and how far it is blended with the physics fit."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ....stats.conformal import COVERAGES_PCT, conformal_quantile
from ....store.serving.kernel_fit import Blend, FormError, KernelFit
from ..features.steps import Array
from ..fit.folds import FOLDS, SEED, Labels, shuffled_folds
from ..fit.physics.design import row_weights
from ..fit.robust import Pull, fit_relative
from ..fit.step_model import fit_step_model
from ..physics import Physics
from ..rows.serving_rows import Places, ServingRows, Strings
from .composable import composable
from .composed import TERMS, composed_terms, terms_without_kernels
from .kernels import ModelKernels

_SPREAD: Final = 0.38  # standard deviation of coefficients around 1
_WEIGHTS: Final = np.linspace(0.0, 1.0, 5)
_DIGITS: Final = 10  # sums of floats beyond them depend on the processor


@dataclass(frozen=True, slots=True)
class _LeftOut:
    """Steps of rows that each form never saw; us, each of shape (m,). `fold` is that of each."""

    physics: Array
    kernels: Array
    without: Array
    fold: Labels


def fit_kernels(rows: ServingRows, physics: Physics, kernels: ModelKernels) -> KernelFit:
    """Fit kernels to those of `rows` that are of their GPU, beside the `physics` of all rows.

    The rows are of one kind of step. Forms are scored by folds of configurations, and of models for
    models without rows. Raises BadInput as `composable` does.
    """
    found = composable(rows, kernels)
    own = rows.taken(found.places)
    by_cells = _left_out(rows, found.places, found.columns, rows.configurations)
    by_models = _left_out(rows, found.places, found.columns, rows.models)
    columns = composed_terms(own, physics, found.columns)
    return KernelFit(
        device=kernels.device,
        arithmetic=kernels.arithmetic,
        sha256=kernels.sha256,
        coefficients=dict(zip(TERMS, map(_rounded, _coefficients(own, columns)), strict=True)),
        known=_blend(own.step_us, by_cells),
        unseen=_blend(own.step_us, by_models),
        rows=len(own),
        configurations=len(np.unique(own.configurations)),
        converted=found.converted,
        refused=found.refused,
    )


def _coefficients(rows: ServingRows, columns: Array) -> Array:
    """Coefficients >= 0 of columns (n, 5), near 1: times are what was measured or priced."""
    pull = Pull(np.ones(len(TERMS)), _SPREAD)
    return fit_relative(columns, rows.step_us, row_weights(rows.configurations), pull)


def _left_out(rows: ServingRows, own: Places, columns: Array, groups: Strings) -> _LeftOut:
    """Predict the rows at `own` (m,), of kernel columns (m, 3), without those of their group.

    Where all are of one group no rows of the GPU are left to fit kernels to: the physics stands in.
    """
    fold = shuffled_folds(groups, FOLDS, SEED)
    physics_us, kernels_us, without_us = np.zeros((3, len(own)))
    for label in np.unique(fold[own]):
        at = fold[own] == label
        model = fit_step_model(rows.taken(np.flatnonzero(fold != label)))
        learnt, asked = rows.taken(own[~at]), rows.taken(own[at])
        physics_us[at] = kernels_us[at] = without_us[at] = model.step_us(asked)
        if len(learnt):
            physics = model.form
            assert isinstance(physics, Physics)
            of_learnt = composed_terms(learnt, physics, columns[~at])
            of_asked = composed_terms(asked, physics, columns[at])
            kernels_us[at] = of_asked @ _coefficients(learnt, of_learnt)
            of_learnt = terms_without_kernels(learnt, physics)
            of_asked = terms_without_kernels(asked, physics)
            without_us[at] = of_asked @ _coefficients(learnt, of_learnt)
    return _LeftOut(physics_us, kernels_us, without_us, fold[own])


def _blend(measured_us: Array, left: _LeftOut) -> Blend:
    """Choose the kernels' weight by all rows, and judge it where it was chosen without a fold.

    It is 0 where the median or the 90th percentile of the error is worse than that of the physics.
    """
    logs = np.log(left.physics / measured_us), np.log(left.kernels / measured_us)
    blended = np.zeros(len(measured_us))
    for label in np.unique(left.fold):
        at = left.fold == label
        blended[at] = _mixed(logs, _best_weight(logs, ~at))[at]
    weight = _best_weight(logs, np.ones(len(blended), dtype=bool))
    predicted = {"physics": left.physics, "kernels": left.kernels, "without kernels": left.without}
    errors = {name: _error(one / measured_us) for name, one in predicted.items()}
    physics, mixed = errors["physics"], _error(np.exp(blended))
    if mixed.median > physics.median or mixed.p90 > physics.p90:
        weight, blended, mixed = 0.0, logs[0], physics
    return Blend(weight, errors | {"blend": mixed}, _factors(blended))


def _mixed(logs: tuple[Array, Array], weight: float) -> Array:
    return (1 - weight) * logs[0] + weight * logs[1]


def _best_weight(logs: tuple[Array, Array], at: NDArray[np.bool_]) -> float:
    """The weight of the smallest mean |log error|; 0 where there are no rows."""
    if not at.any():
        return 0.0
    return float(min(_WEIGHTS, key=lambda weight: np.abs(_mixed(logs, weight)[at]).mean()))


def _error(ratios: Array) -> FormError:
    off = np.abs(ratios - 1)
    return FormError(*(_rounded(float(np.quantile(off, at))) for at in (0.5, 0.9)))


def _factors(logs: Array) -> dict[str, float]:
    """By coverage in percent, the factor that left-out steps lie within."""
    ascending = np.sort(np.abs(logs))
    quantiles = {percent: conformal_quantile(ascending, percent) for percent in COVERAGES_PCT}
    return {
        str(percent): _rounded(float(np.exp(value)))
        for percent, value in quantiles.items()
        if value is not None
    }


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
