"""Drift models: what they take off, and what their evidence prefers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.stats.arrays import Float64
from moeprof.stats.drift import DriftModel, drift_models

RNG_SEED = 5


def evidence(model: DriftModel, readings: Float64) -> float:
    rss = float(readings @ model.residual(readings))
    return model.log_evidence - model.freedom / 2 * float(np.log(rss))


def best_gain(readings: Float64) -> float:
    """How much better the best model with drift is than that without, in nats."""
    sessions = np.zeros(len(readings), np.int64)
    plain, *drifting = (evidence(one, readings) for one in drift_models(sessions, may_drift=True))
    return max(drifting) - plain


@given(st.integers(4, 60), st.integers(1, 3), st.floats(-1e3, 1e3))
def test_every_model_takes_the_levels_of_the_sessions_off(n: int, count: int, level: float) -> None:
    sessions = np.sort(np.arange(n) % count)
    for model in drift_models(sessions, may_drift=True):
        left = model.residual(np.asarray(level + 7.0 * sessions, np.float64))
        assert np.abs(left).max() < 1e-8 * (1 + abs(level))
        assert model.freedom == n - count


def test_without_drift_what_is_left_is_the_distance_to_the_mean() -> None:
    readings = np.array([1.0, 4.0, 2.0, 5.0])
    (model,) = drift_models(np.zeros(4, np.int64), may_drift=False)
    assert model.residual(readings) == pytest.approx(readings - 3.0)
    assert model.last_level(readings) == pytest.approx(3.0)


def test_readings_that_drift_are_better_explained_by_a_model_with_drift() -> None:
    noise = 0.02 * np.random.default_rng(RNG_SEED).normal(size=120)
    assert best_gain(noise + 0.06 * np.sin(np.arange(120) / 40)) > 3 * best_gain(noise)


def test_the_level_at_the_last_reading_follows_a_drift() -> None:
    noise = 0.002 * np.random.default_rng(RNG_SEED).normal(size=90)
    warming = 1 - np.exp(-np.arange(90) / 30)
    models = list(drift_models(np.zeros(90, np.int64), may_drift=True))
    best = max(models, key=lambda one: evidence(one, warming + noise))
    assert best.last_level(warming + noise) == pytest.approx(warming[-1], abs=0.02)
    assert models[0].last_level(warming + noise) == pytest.approx(warming.mean(), abs=0.02)
