"""Counts that chance does not explain, against sums of binomial probabilities."""

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.stats.binomial import LEVEL, at_most, beyond_chance


@given(st.integers(0, 30), st.integers(1, 30), st.floats(0.01, 0.99))
def test_the_probability_of_a_count_or_less_is_the_sum(count: int, of: int, p: float) -> None:
    sums = sum(comb(of, k) * p**k * (1 - p) ** (of - k) for k in range(min(count, of) + 1))
    assert at_most(count, of, p) == pytest.approx(sums)


def test_fewer_than_none_is_impossible() -> None:
    assert at_most(-1, 8, 0.5) == 0.0


@pytest.mark.parametrize(("of", "count"), [(1, 2), (2, 2), (3, 2), (8, 3), (20, 4), (24, 5)])
def test_how_many_sizes_beyond_the_95th_percentile_are_no_chance(of: int, count: int) -> None:
    assert beyond_chance(of, 0.05) == count
    if count <= of:
        assert 1 - at_most(count - 1, of, 0.05) <= LEVEL
