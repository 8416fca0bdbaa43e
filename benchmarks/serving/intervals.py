"""Whether intervals of a nominal 90 % hold, on configurations that set no factor."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moeprof.benchmarks.serving.trial import Trial
from moeprof.costmodel.steptime.features.steps import Array
from moeprof.costmodel.steptime.fit.folds import Fit, Labels, left_out, shuffled_folds
from moeprof.costmodel.steptime.fit.left_out_energy import j_per_token, left_out_energy
from moeprof.costmodel.steptime.fit.power import fit_power
from moeprof.costmodel.steptime.rows.serving_rows import ServingRows
from moeprof.stats.conformal import conformal_quantile

KINDS: Final[dict[str, Callable[[ServingRows], Labels]]] = {
    "model": lambda some: some.models,
    "GPU": lambda some: some.gpu_names,
    "engine": lambda some: some.engines,
}


def coverage_of_energy(trial: Trial, predicted: Array, fit: Fit) -> dict[str, float]:
    """The same for power at the measured step and J per token at the predicted one; held rows.

    `predicted` are the scored rows by a `fit` without their configuration.
    """
    labels = shuffled_folds(trial.training.configurations, 10, trial.seed)
    left_us = left_out(trial.training, labels, fit)
    learnt, left = _with_power(trial.training, left_us)
    asked, told_us = _with_power(trial.scored, predicted)
    power = fit_power(learnt)
    folds = shuffled_folds(learnt.configurations, 10, trial.seed)
    limits = left_out_energy(learnt, folds, left)
    found_j = j_per_token(asked, power.power_w(asked, told_us), told_us)
    return {
        "power": _share(
            limits.power_w / learnt.power_w, power.power_w(asked, asked.step_us) / asked.power_w
        ),
        "J/token": _share(limits.j_per_token / _measured_j(learnt), found_j / _measured_j(asked)),
    }


def _with_power(rows: ServingRows, step_us: Array) -> tuple[ServingRows, Array]:
    known = np.flatnonzero(np.isfinite(rows.power_w))
    return rows.taken(known), step_us[known]


def _measured_j(rows: ServingRows) -> Array:
    return j_per_token(rows, rows.power_w, rows.step_us)


def _share(left: Array, asked: Array) -> float:
    """Share of the ratios `asked`, in percent, within the interval of those left out."""
    return 100 * float(np.mean(np.abs(np.log(asked)) <= _quantile(np.log(left))))


def coverage(trial: Trial, predicted: Array, fit: Fit) -> tuple[float, float]:
    """Share of scored rows within the factor of the training rows, in percent, and that factor."""
    off = np.abs(np.log(trial.scored.step_us / predicted))
    if trial.held:
        labels = shuffled_folds(trial.training.configurations, 10, trial.seed)
        left = left_out(trial.training, labels, fit)
        limits = np.asarray([_quantile(np.log(trial.training.step_us / left))])
        held = off <= limits[0]
    else:
        folds = trial.folds
        limits = np.asarray([_quantile(off[folds != fold]) for fold in np.unique(folds)])
        held = off <= limits[folds]
    return 100 * float(held.mean()), float(np.exp(np.median(limits)))


def coverage_of_unseen(trial: Trial, fit: Fit) -> dict[str, float]:
    """Share of scored rows, in percent, within the factor for what no row has, by kind of it.

    The factor for each label is that of training rows of other labels, left out in turn.
    """
    return {kind: 100 * float(_held(trial, fit, labels).mean()) for kind, labels in KINDS.items()}


def _held(trial: Trial, fit: Fit, labels: Callable[[ServingRows], Labels]) -> NDArray[np.bool_]:
    trained, asked = labels(trial.training), labels(trial.scored)
    left = np.log(trial.training.step_us / left_out(trial.training, trained, fit))
    off = np.abs(np.log(trial.scored.step_us / trial.predicted(fit, labels)))
    limits = {label: _quantile(left[trained != label]) for label in np.unique(asked)}
    return np.asarray(off <= np.asarray([limits[label] for label in asked]))


def _quantile(log_ratios: Array) -> float:
    found = conformal_quantile(np.sort(np.abs(log_ratios)), 90)
    return np.inf if found is None else found
