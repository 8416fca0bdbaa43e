"""The posterior of a change: against brute force, its invariants, and what a reading adds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.stats.arrays import Float64
from moeprof.stats.change_point import ChangePoint, Readings, change_point
from moeprof.stats.sequential import difference

COMMITS = 12
FLAT = np.zeros(COMMITS - 1)


def read(commits: list[int], first_new: int, seed: int = 0, step: float = 0.05) -> Readings:
    """Readings of commits with noise of 1 %, those from `first_new` on at a new level."""
    places = np.array(commits)
    noise = 0.01 * np.random.default_rng(seed).normal(size=len(places))
    logs = 3.0 + step * (places >= first_new) + noise
    return Readings(places, logs, np.zeros(len(places), np.int64))


def all_of_them(first_new: int, repeats: int = 3, step: float = 0.05) -> Readings:
    return read([*range(COMMITS), *reversed(range(COMMITS))] * repeats, first_new, step=step)


def likelihood(is_new: Float64, logs: Float64) -> float:
    """Log likelihood of a level and a step N(0, s^2), by the covariance of the readings."""
    covariance = np.eye(len(logs)) + np.outer(is_new, is_new)
    inverse = np.linalg.inv(covariance)
    left = logs - inverse.sum(0) @ logs / inverse.sum()
    determinants = np.log(np.linalg.det(covariance)) + np.log(inverse.sum())
    return float(-0.5 * (determinants + (len(logs) - 1) * np.log(left @ inverse @ left)))


def test_without_drift_it_is_the_posterior_by_the_covariance() -> None:
    readings = all_of_them(7, repeats=1, step=0.01)
    found = change_point(readings, FLAT, may_drift=False)
    new = [(readings.commits >= place).astype(np.float64) for place in range(1, COMMITS)]
    wanted = np.exp([likelihood(one, readings.logs) for one in new])
    assert found.posterior == pytest.approx(wanted / wanted.sum(), rel=1e-6)
    no_change = likelihood(np.zeros(len(readings.logs)), readings.logs)
    assert found.log_evidence == pytest.approx(np.log(wanted.mean()) - no_change)


@given(st.booleans(), st.floats(-0.05, 0.05))
def test_of_the_ends_alone_the_evidence_is_that_of_two_levels(drift: bool, step: float) -> None:
    readings = read([0, 11, 11, 0] * 4, 6, step=step)
    is_new = (readings.commits > 0).astype(np.float64)
    ends = difference(is_new, readings.logs, readings.sessions, may_drift=drift)
    found = change_point(readings, FLAT, may_drift=drift)
    assert found.log_evidence == pytest.approx(ends.log_evidence)


@given(st.integers(1, COMMITS - 1), st.booleans())
def test_the_place_of_a_clear_change_is_found(first_new: int, may_drift: bool) -> None:
    found = change_point(all_of_them(first_new), FLAT, may_drift=may_drift)
    assert int(found.posterior.argmax()) + 1 == first_new
    assert found.posterior.sum() == pytest.approx(1)
    assert found.steps[first_new - 1] == pytest.approx(0.05, abs=0.01)
    assert found.levels[first_new - 1] == pytest.approx(3.0, abs=0.02)


@given(st.floats(-10, 10), st.integers(0, 50))
def test_a_factor_on_all_readings_changes_no_probability(log_factor: float, seed: int) -> None:
    readings = read([0, 11, 5, 8, 11, 0, 3, 6], 6, seed)
    scaled = Readings(readings.commits, readings.logs + log_factor, readings.sessions)
    plain, other = (change_point(one, FLAT, may_drift=True) for one in (readings, scaled))
    assert other.posterior == pytest.approx(plain.posterior, abs=1e-6)


def test_commits_that_no_reading_tells_apart_keep_their_prior() -> None:
    prior = np.log(np.arange(1.0, COMMITS))
    found = change_point(read([0, 11, 4, 0, 11, 4], 9), prior, may_drift=False)
    between = found.posterior[4:11]  # changes at 5 to 11
    assert between / between.sum() == pytest.approx(np.arange(5, 12) / np.arange(5, 12).sum())


def test_a_reading_within_the_doubtful_stretch_adds_most() -> None:
    found = change_point(read([0, 11, 11, 0, 4, 8, 4, 8] * 2, 6), FLAT, may_drift=False)
    gains = found.gains()
    assert 4 < int(gains.argmax()) < 8
    assert (gains >= 0).all()


def test_where_the_place_is_known_no_reading_adds_anything() -> None:
    sure = ChangePoint(np.array([0.0, 1.0]), np.full(2, 0.1), np.zeros(2), np.full(2, 1e-4), 9.0)
    assert sure.gains() == pytest.approx(np.zeros(3), abs=1e-9)
