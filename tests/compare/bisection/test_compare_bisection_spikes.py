"""Which readings are spikes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.compare.bisection.spikes import is_spike
from moeprof.stats.change_point import Readings


def readings(commits: list[int], values: list[float]) -> Readings:
    return Readings(np.array(commits), np.log(values), np.zeros(len(commits), np.int64))


def test_a_doubled_reading_among_others_of_its_commit_is_one() -> None:
    found = is_spike(readings([0, 0, 0, 0, 1, 1, 1], [100, 101, 200, 99, 130, 131, 129]))
    assert found.tolist() == [False, False, True, False, False, False, False]


def test_a_commit_with_two_readings_has_none() -> None:
    found = is_spike(readings([0, 0, 0, 1, 1], [100, 101, 99, 130, 260]))
    assert not found.any()


def test_another_level_of_another_commit_is_none() -> None:
    assert not is_spike(readings([0, 0, 0, 1, 1, 1], [100, 101, 99, 500, 505, 495])).any()


def test_where_most_readings_agree_to_the_last_digit_there_is_none() -> None:
    assert not is_spike(readings([0] * 7, [100, 100, 101, 100, 100, 100, 102])).any()


def test_without_readings_there_is_none() -> None:
    assert not len(is_spike(readings([], [])))


@given(st.integers(0, 10_000))
def test_normal_noise_has_almost_none(seed: int) -> None:
    rng = np.random.default_rng(seed)
    commits = rng.integers(0, 6, 120)
    logs = 0.03 * (commits > 2) + 0.02 * rng.normal(size=120)
    found = is_spike(Readings(commits, logs, np.zeros(120, np.int64)))
    assert found.mean() == pytest.approx(0, abs=0.01)
