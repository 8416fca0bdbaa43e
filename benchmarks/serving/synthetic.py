"""What the fit recovers where the truth is known, and how long fit and prediction take."""

import time
from dataclasses import replace

import numpy as np

from moeprof.costmodel.steptime.features.steps import Array
from moeprof.costmodel.steptime.fit.physics.law import fit_physics
from moeprof.costmodel.steptime.fit.srfa import Ridges, choose_ridges, fit_srfa
from moeprof.costmodel.steptime.fit.step_model import fit_step_model
from moeprof.costmodel.steptime.fit.ties import choose_ties
from moeprof.costmodel.steptime.physics import Physics
from moeprof.costmodel.steptime.rows.serving_rows import ServingRows
from moeprof.costmodel.steptime.step_model import StepModel

DOMINANT = ("dense_weights", "expert_weights", "kv")
SRFA_DOMINANT = ("prefill_time", "decode_time", "kv_time", "weights_time")
# Rows hold prompts as a share of their steps and not apart, so that only the sum of what they take
# is identifiable: prefill_dense_flops alone is 6 to 9 % of the steps of the engine that spends most
# on it, and moves by 2 to 9 % with the noise and the ties, with outliers or without.
PROMPTS = "prefill_"
_NOISE, _OUTLIERS = 0.03, 0.05
# All rows of the law choose these.
_RIDGES = Ridges(0.01, 0.1, 0.5)
_SPEED_ROWS = 100_000


def recovery(rows: ServingRows, seed: int) -> dict[str, float]:
    """Errors in percent of predictions, dominant coefficients and prompts, on steps of a known law.

    The law is that of a fit to the rows; steps have 3 % of noise, and 5 % of them are 3 to 10 times
    as long. Ties are chosen on these steps, as in any fit: with given ones the coefficient of dense
    weights is 0.9 to 4.1 % off, with outliers and without.
    """
    rng = np.random.default_rng(seed)
    law = fit_physics(rows)
    truth = law.step_us(rows)
    noisy = replace(rows, step_us=_noisy(rng, truth))
    found = fit_physics(noisy, choose_ties(noisy, seed))
    off = {
        name: 100 * abs(found.coefficients[name] / law.coefficients[name] - 1) for name in DOMINANT
    }
    prompts = 100 * abs(_prompts_us(found, rows).sum() / _prompts_us(law, rows).sum() - 1)
    predicted = float(np.mean(100 * np.abs(found.step_us(rows) / truth - 1)))
    return {"mean error of predictions": predicted} | off | {"time of prompts": float(prompts)}


def recovery_of_srfa(rows: ServingRows, seed: int) -> dict[str, float]:
    """The same of SRFA, on steps of its own law, with ridges that are chosen on the noisy ones."""
    law = fit_srfa(rows, _RIDGES)
    truth = StepModel(law).step_us(rows)
    noisy = replace(rows, step_us=_noisy(np.random.default_rng(seed), truth))
    found = fit_srfa(noisy, choose_ridges(noisy, seed))
    off = {
        f"SRFA, {name}": 100 * abs(found.beta[name] / law.beta[name] - 1) for name in SRFA_DOMINANT
    }
    predicted = np.abs(StepModel(found).step_us(rows) / truth - 1)
    return {"SRFA, mean error of predictions": float(np.mean(100 * predicted))} | off


def _noisy(rng: np.random.Generator, truth: Array) -> Array:
    far = rng.random(len(truth)) < _OUTLIERS
    noisy = truth * np.exp(_NOISE * rng.standard_normal(len(truth)))
    return np.where(far, noisy * rng.uniform(3, 10, len(truth)), noisy)


def _prompts_us(physics: Physics, rows: ServingRows) -> Array:
    """What prompts add to the mean step of each row; us, of shape (n,)."""
    terms = physics.terms_us(rows).items()
    return np.asarray(sum(values for name, values in terms if name.startswith(PROMPTS)))


def speed(rows: ServingRows) -> dict[str, float]:
    """Seconds of a fit, and us per row of a prediction of 100,000 rows."""
    started = time.perf_counter()
    model = fit_step_model(rows)
    fit_s = time.perf_counter() - started
    many = rows.taken(np.resize(np.arange(len(rows)), _SPEED_ROWS))
    started = time.perf_counter()
    model.step_us(many)
    columns_s = time.perf_counter() - started
    return {"fit_s": fit_s, "predict_us_per_row": columns_s / _SPEED_ROWS * 1e6}
