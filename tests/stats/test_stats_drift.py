"""Steps under models of a drift: what the models take off, and what their evidence prefers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.stats.arrays import Float64
from moeprof.stats.drift import StepFits, fit_steps

RNG_SEED = 5


def fit(readings: Float64, sessions: int = 1, *, may_drift: bool = True) -> StepFits:
    """The fit of a step that every other reading of a session takes."""
    is_new = np.asarray(np.arange(len(readings)) // sessions % 2, np.float64)
    of_session = np.arange(len(readings)) % sessions
    return fit_steps(is_new[:, None], readings, of_session, may_drift=may_drift)


def best_gain(readings: Float64) -> float:
    """How much better the best model with drift is than that without, in nats."""
    found = fit(readings)
    evidence = found.log_evidence - found.freedom / 2 * np.log(found.rss)
    return float(evidence[1:].max() - evidence[0, 0])


def dense(readings: Float64, is_new: Float64, ratio: float, memory: float) -> float:
    """The step of generalised least squares by the whole covariance of the readings."""
    n = len(readings)
    half_waves = np.arange(1, n // 3 + 1)
    waves = np.cos(np.pi * np.outer((np.arange(n) + 0.5) / n, half_waves)) * np.sqrt(2 / n)
    spectrum = 2 * ratio**2 * memory / (1 + (np.pi * half_waves * memory / n) ** 2)
    inverse = np.linalg.inv(np.eye(n) + waves @ np.diag(spectrum) @ waves.T)
    columns = np.column_stack([np.ones(n), is_new])
    whole = np.linalg.solve(columns.T @ inverse @ columns, columns.T @ inverse @ readings)
    return float(whole[1])


@given(st.integers(8, 60), st.integers(1, 3), st.floats(-1e3, 1e3))
def test_every_model_takes_the_levels_of_the_sessions_off(n: int, count: int, level: float) -> None:
    of_session = np.arange(n) % count
    found = fit(np.asarray(level + 7.0 * of_session, np.float64), count)
    assert np.abs(found.steps).max() < 1e-8 * (1 + abs(level))
    assert found.rss.max() < 1e-8 * (1 + abs(level))
    assert found.freedom == n - count


def test_it_is_generalised_least_squares() -> None:
    rng = np.random.default_rng(RNG_SEED)
    readings, is_new = rng.normal(size=30), np.asarray(rng.random(30) < 0.5, np.float64)
    found = fit_steps(is_new[:, None], readings, np.zeros(30, np.int64), may_drift=True)
    assert any(
        step == pytest.approx(dense(readings, is_new, 0.6, 60.0)) for step in found.steps[:, 0]
    )


def test_without_drift_a_step_is_the_difference_of_means() -> None:
    found = fit(np.array([1.0, 4.0, 2.0, 5.0]), may_drift=False)
    assert found.steps == pytest.approx(3.0)
    assert found.old_levels == pytest.approx(1.5)
    assert found.rss_of_step == pytest.approx(1.0)


def test_readings_that_drift_are_better_explained_by_a_model_with_drift() -> None:
    noise = 0.02 * np.random.default_rng(RNG_SEED).normal(size=120)
    assert best_gain(noise + 0.06 * np.sin(np.arange(120) / 40)) > 3 * best_gain(noise)


def test_the_level_at_the_last_reading_follows_a_drift() -> None:
    noise = 0.002 * np.random.default_rng(RNG_SEED).normal(size=90)
    warming = 1 - np.exp(-np.arange(90) / 30)
    found = fit(warming + noise)
    assert found.old_levels[np.argmin(found.rss)] == pytest.approx(warming[-1], abs=0.03)
    assert found.old_levels[0] == pytest.approx(warming.mean(), abs=0.02)
