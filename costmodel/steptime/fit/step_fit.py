"""Fit one kind of step by every method, score each, and choose the one that predicts."""

from dataclasses import asdict, dataclass

import numpy as np

from ....store.serving.step_time_model import (
    Method,
    MethodScore,
    OwnSpread,
    StepFit,
)
from ..best_method import METHODS, best_method
from ..digits import rounded, rounded_terms
from ..effects import joined
from ..features.steps import Array
from ..own.calibration import Spread
from ..rows.serving_rows import ServingRows, Strings, columns_of
from ..step_model import StepModel
from .blackbox import fit_blackbox, fit_coefficients
from .coefficients import coefficients_of
from .factors import interval_factors, left_out_by_kind
from .folds import FOLDS, SEED, Fit, left_out, shuffled_folds
from .own_forms import fit_own_forms
from .srfa import choose_ridges, fit_nested, fit_srfa, fit_with
from .step_model import fit_step_model, fit_tied
from .ties import choose_ties


@dataclass(frozen=True, slots=True)
class Fitted:
    """A method fitted to all rows, and fits of it for cross-validation.

    `fit` has the hyperparameters of all rows, `scored` those of the rows that it is given, where
    choosing them anew for each fold is not too slow.
    """

    model: StepModel
    fit: Fit
    scored: Fit
    hyperparameters: dict[str, float]


@dataclass(frozen=True, slots=True)
class BuiltStep:
    """The fit of n rows, and what it says of each without its configuration: us, of shape (n,).

    `unseen_us` has what it says of each without its model, GPU, engine or precision, by kind.
    """

    fit: StepFit
    left_us: Array
    unseen_us: dict[str, Array]


def build_step_fit(rows: ServingRows, method: Method | None) -> BuiltStep:
    """Fit rows of one kind of step; every method is scored by ten grouped folds.

    `method` None takes the physics, unless another errs less beyond chance.
    """
    # The domain counts the columns of all rows, which then those of every fold are taken from.
    domain = _domain(rows)
    labels = shuffled_folds(rows.configurations, FOLDS, SEED)
    fitted = {name: _fitted(rows, name) for name in METHODS}
    left = {name: left_out(rows, labels, one.scored) for name, one in fitted.items()}
    scores = {name: _score(rows, left[name]) for name in METHODS}
    chosen = best_method(rows, left) if method is None else method
    ratios = np.log(rows.step_us / left[chosen])
    unseen = left_out_by_kind(rows, fitted[chosen].fit)
    cells = joined(rows.configurations, rows.version, rows.source)
    fit = StepFit(
        method=chosen,
        **coefficients_of(fitted[chosen].model),
        baseline=rounded_terms(fit_coefficients(rows).coefficients),
        hyperparameters=rounded_terms(fitted[chosen].hyperparameters),
        scores=scores,
        models=_names(rows.models),
        gpus=_names(rows.gpu_names),
        engines=_names(rows.engines),
        precisions=_names(rows.stored_as),
        domain=domain,
        factors=interval_factors(ratios),
        unseen_factors={
            kind: interval_factors(np.log(rows.step_us / one)) for kind, one in unseen.items()
        },
        own=fit_own_forms(rows, fitted[chosen].fit, SEED),
        spread=_spread(Spread.fitted(rows.steps, ratios, cells)),
        rows=len(rows),
        configurations=len(np.unique(rows.configurations)),
    )
    return BuiltStep(fit, left[chosen], unseen)


def _fitted(rows: ServingRows, method: Method) -> Fitted:
    if method == "physics":
        ties = choose_ties(rows, SEED)
        fit = fit_tied(ties)
        return Fitted(fit_step_model(rows, ties), fit, fit, asdict(ties))
    if method == "blackbox":
        return Fitted(StepModel(fit_coefficients(rows)), fit_blackbox, fit_blackbox, {})
    ridges = choose_ridges(rows, SEED)
    model = StepModel(fit_srfa(rows, ridges))
    return Fitted(model, fit_with(ridges), fit_nested, asdict(ridges))


def _names(names: Strings) -> tuple[str, ...]:
    return tuple(map(str, np.unique(names)))


def _score(rows: ServingRows, predicted: Array) -> MethodScore:
    """How far predictions in us, (n,), are off."""
    ratio = predicted / rows.step_us
    off = np.abs(ratio - 1)
    return MethodScore(
        median=rounded(float(np.median(off))),
        p90=rounded(float(np.quantile(off, 0.9))),
        mae_us=rounded(float(np.mean(np.abs(predicted - rows.step_us)))),
        bias=rounded(float(np.median(ratio) - 1)),
        rows=len(off),
    )


def _domain(rows: ServingRows) -> dict[str, tuple[float, float]]:
    return {
        name: (rounded(float(values.min())), rounded(float(values.max())))
        for name, values in columns_of(rows).items()
    }


def _spread(found: Spread) -> OwnSpread:
    rows = tuple(tuple(rounded(float(value)) for value in row) for row in found.covariance)
    return OwnSpread(rows, rounded(found.noise))
