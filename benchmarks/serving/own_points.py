"""Errors after one, three or five steps of one's own of the configuration that is asked for."""

from typing import Any

import numpy as np

from moeprof.benchmarks.serving.trial import Error, Trial, error
from moeprof.costmodel.steptime.effects import joined
from moeprof.costmodel.steptime.features.steps import Array
from moeprof.costmodel.steptime.fit.blackbox import fit_blackbox
from moeprof.costmodel.steptime.fit.folds import Fit, left_out, shuffled_folds
from moeprof.costmodel.steptime.own.calibration import Spread
from moeprof.costmodel.steptime.rows.serving_rows import ServingRows

POINTS = (1, 3, 5)
_DRAWS = 5
_BESIDE = 3  # rows of a configuration that are left to be scored, at least
_FEWEST = 6


def own_points(trial: Trial, predicted: Array, fit: Fit) -> dict[int, dict[str, Error]]:
    """By number of points: ours and the blackbox of the same points.

    `predicted` are the scored rows by a `fit` without their configuration.
    """
    rows, spreads = trial.scored, _spreads(trial, predicted, fit)
    cells = joined(rows.configurations, rows.version, rows.source)
    members = [np.flatnonzero(cells == cell) for cell in np.unique(cells)]
    found: dict[int, dict[str, Error]] = {}
    for points in POINTS:
        rng = np.random.default_rng(trial.seed)
        parts: dict[str, list[Any]] = {"ours": [], "blackbox": []}
        for at in members:
            if len(at) < max(_FEWEST, points + _BESIDE):
                continue
            for _ in range(_DRAWS):
                own = rng.choice(at, points, replace=False)
                rest = np.setdiff1d(at, own)
                spread = spreads[at[0]]
                parts["ours"].append((_ours(rows, predicted, own, rest, spread), rest))
                black = fit_blackbox(rows.taken(own))(rows.taken(rest))
                parts["blackbox"].append((black, rest))
        found[points] = {name: _error(rows, made) for name, made in parts.items()}
    return found


def _ours(rows: ServingRows, predicted: Array, own: Any, rest: Any, spread: Spread) -> Array:
    ratios = np.log(rows.step_us[own] / predicted[own])
    more = spread.log_ratio(rows.steps.taken(own), ratios, rows.steps.taken(rest))
    return np.asarray(predicted[rest] * np.exp(more))


def _error(rows: ServingRows, made: list[Any]) -> Error:
    return error(
        np.concatenate([values for values, _ in made]),
        np.concatenate([rows.step_us[rest] for _, rest in made]),
    )


def _spreads(trial: Trial, predicted: Array, fit: Fit) -> dict[Any, Spread]:
    """What configurations differ by, from those outside the fold of each scored row."""
    training = trial.training
    cells = joined(training.configurations, training.version, training.source)
    if trial.held:
        labels = shuffled_folds(training.configurations, 5, trial.seed)
        ratios = np.log(training.step_us / left_out(training, labels, fit))
        one = Spread.fitted(training.steps, ratios, cells)
        return dict.fromkeys(range(len(trial.scored)), one)
    ratios, folds = np.log(training.step_us / predicted), trial.folds
    by_fold = {}
    for fold in np.unique(folds):
        at = np.flatnonzero(folds != fold)
        by_fold[fold] = Spread.fitted(training.steps.taken(at), ratios[at], cells[at])
    return {at: by_fold[fold] for at, fold in enumerate(folds)}
