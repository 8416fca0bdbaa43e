"""Power and joules per token: at the measured step, and at the predicted one."""

from collections.abc import Callable

import numpy as np

from moeprof.benchmarks.serving.trial import Error, Trial, error
from moeprof.costmodel.steptime.features.steps import Array
from moeprof.costmodel.steptime.fit.power import fit_power
from moeprof.costmodel.steptime.power import tdp_w
from moeprof.costmodel.steptime.rows.serving_rows import ServingRows

Predict = Callable[[ServingRows], Array]
_LARGE = 256  # requests


def energy(trial: Trial, predicted_us: Array) -> tuple[dict[str, Error], dict[str, float]]:
    """Errors by quantity, and the trend of power with the batch.

    `predicted_us` are the scored rows by a fit without their configuration.
    """
    has_power = np.isfinite(trial.scored.power_w)
    rows, step_us = trial.scored.taken(np.flatnonzero(has_power)), predicted_us[has_power]
    powered = trial.of(lambda some: np.isfinite(some.power_w))
    power = powered.predicted(_at_measured)
    later = powered.predicted(lambda some: _at(some, rows, step_us))
    measured = rows.power_w * rows.step_us / rows.steps.running
    errors = {
        "power at measured time": error(power, rows.power_w),
        "power, median of the GPU's type": error(powered.predicted(_median), rows.power_w),
        "J/token at measured time": error(power * rows.step_us / rows.steps.running, measured),
        "J/token at predicted time": error(later * step_us / rows.steps.running, measured),
    }
    ratio, large = np.log(power / rows.power_w), rows.steps.running > _LARGE
    trend = {
        "correlation of log error with log batch": float(
            np.corrcoef(np.log(rows.steps.running), ratio)[0, 1]
        ),
        "median predicted / measured above 256 requests": float(np.exp(np.median(ratio[large]))),
    }
    return errors, trend


def _at_measured(rows: ServingRows) -> Predict:
    fitted = fit_power(rows)
    return lambda others: fitted.power_w(others, others.step_us)


def _at(rows: ServingRows, all_rows: ServingRows, step_us: Array) -> Predict:
    fitted = fit_power(rows)
    named = zip(all_rows.source, all_rows.name, step_us, strict=True)
    of_row = {(source, name): value for source, name, value in named}

    def predict(others: ServingRows) -> Array:
        pairs = zip(others.source, others.name, strict=True)
        return fitted.power_w(others, np.asarray([of_row[pair] for pair in pairs]))

    return predict


def _median(rows: ServingRows) -> Predict:
    shares = rows.power_w / tdp_w(rows)
    names = np.unique(rows.gpu_names)
    middle = {str(name): float(np.median(shares[rows.gpu_names == name])) for name in names}
    pooled = float(np.median(shares))
    return lambda others: tdp_w(others) * [middle.get(str(n), pooled) for n in others.gpu_names]
