"""Whether intervals of a nominal 90 % hold, on configurations that set no factor."""

import numpy as np

from moeprof.benchmarks.serving.trial import Trial
from moeprof.costmodel.steptime.features.steps import Array
from moeprof.costmodel.steptime.fit.folds import Fit, left_out, shuffled_folds
from moeprof.stats.conformal import conformal_quantile


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


def _quantile(log_ratios: Array) -> float:
    found = conformal_quantile(np.sort(np.abs(log_ratios)), 90)
    return np.inf if found is None else found
