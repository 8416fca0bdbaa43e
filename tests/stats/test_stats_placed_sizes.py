"""Sizes spread over the logarithm: those to begin with, and those drawn to check a curve."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.stats.placed_sizes import decode_sizes, drawn_over_log, log_spaced
from moeprof.stats.size_bands import BANDS

DOMAINS = [range(1, 513), range(1, 17), range(1, 4097), [1 << n for n in range(10)]]


@pytest.mark.parametrize("domain", DOMAINS, ids=["dense", "small", "large", "powers"])
def test_first_sizes_have_both_ends_and_even_ratios(domain: range) -> None:
    first = log_spaced(domain, 8)
    assert (first[0], first[-1], len(set(first))) == (domain[0], domain[-1], 8)


def test_first_sizes_of_a_dense_domain() -> None:
    assert log_spaced(range(1, 513), 8) == (1, 2, 6, 15, 35, 86, 210, 512)


def test_every_size_of_decode_is_asked_for_where_the_points_leave_eight_to_the_others() -> None:
    assert decode_sizes(range(1, 513), 16) == tuple(range(1, 9))
    assert decode_sizes(range(1, 513), 15) == ()
    assert decode_sizes([1, 4, 64], 10) == (1, 4)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("domain", [range(2, 512), range(2, 4096)])
def test_each_band_has_at_least_two_drawn_sizes(domain: range, seed: int) -> None:
    drawn = drawn_over_log(domain, 8, random.Random(seed))
    assert [sum(size in band for size in drawn) >= 2 for band in BANDS] == [True] * 3


@given(
    st.lists(st.integers(1, 5000), unique=True).map(sorted), st.integers(0, 20), st.integers(0, 99)
)
def test_as_many_distinct_sizes_are_drawn_as_there_are(
    sizes: list[int], count: int, seed: int
) -> None:
    drawn = drawn_over_log(sizes, count, random.Random(seed))
    assert len(set(drawn)) == len(drawn) == min(count, len(sizes))
    assert set(drawn) <= set(sizes)
    assert drawn == drawn_over_log(sizes, count, random.Random(seed))
