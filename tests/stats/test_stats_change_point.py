"""The posterior of a change: against brute force, its invariants, and what a reading adds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.stats.change_point import ChangePoint, Readings, change_point

COMMITS = 12
FLAT = np.zeros(COMMITS - 1)


def read(commits: list[int], first_new: int, seed: int = 0, step: float = 0.05) -> Readings:
    """Readings of commits with noise of 1 %, those from `first_new` on at a new level."""
    places = np.array(commits)
    noise = 0.01 * np.random.default_rng(seed).normal(size=len(places))
    logs = 3.0 + step * (places >= first_new) + noise
    return Readings(places, logs, np.zeros(len(places), np.int64))


def all_of_them(first_new: int, repeats: int = 3) -> Readings:
    return read([*range(COMMITS), *reversed(range(COMMITS))] * repeats, first_new)


def test_without_drift_it_is_the_textbook_posterior() -> None:
    found = change_point(readings := all_of_them(7), FLAT, may_drift=False)
    logs = []
    for place in range(1, COMMITS):
        sides = [readings.logs[readings.commits < place], readings.logs[readings.commits >= place]]
        rss = sum(float(((side - side.mean()) ** 2).sum()) for side in sides)
        sizes = len(sides[0]) * len(sides[1]) / len(readings.logs)
        logs.append(-0.5 * np.log(sizes) - (len(readings.logs) - 2) / 2 * np.log(rss))
    wanted = np.exp(np.array(logs) - max(logs))
    assert found.posterior == pytest.approx(wanted / wanted.sum(), abs=1e-9)


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
    sure = ChangePoint(np.array([0.0, 1.0]), np.full(2, 0.1), np.zeros(2), np.full(2, 1e-4))
    assert sure.gains() == pytest.approx(np.zeros(3), abs=1e-9)
