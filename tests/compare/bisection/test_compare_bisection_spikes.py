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


def test_a_reading_of_a_commit_that_was_read_once_is_one_far_beyond_both_levels() -> None:
    ends = [100, 101, 99, 110, 111, 109]
    found = is_spike(readings([0, 0, 0, 9, 9, 9, 4, 5, 6], [*ends, 240, 105, 111]))
    assert found.tolist() == [False] * 6 + [True, False, False]


def test_where_no_commit_was_read_thrice_there_is_none() -> None:
    assert not is_spike(readings([0, 0, 1, 1], [100, 101, 130, 260])).any()


def test_a_level_beyond_the_others_is_none_once_it_was_read_thrice() -> None:
    ends = [100, 101, 99, 110, 111, 109]
    once = is_spike(readings([0, 0, 0, 9, 9, 9, 4], [*ends, 150]))
    thrice = is_spike(readings([0, 0, 0, 9, 9, 9, 4, 4, 4], [*ends, 150, 151, 149]))
    assert once.any()
    assert not thrice.any()


def test_a_step_of_the_clock_that_some_readings_take_is_none() -> None:
    assert not is_spike(readings([0] * 10, [10, 10, 10, 11, 10, 11, 10, 11, 11, 10])).any()


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
