"""Jump bisection measures where the curve jumps, and never the same size twice."""

from itertools import pairwise
from math import inf, log, nan, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.costmodel.acquisition import next_size
from moeprof.store.errors import BadInput

DOMAIN = range(1, 513)


def staircase(size: int) -> float:
    return 10.0 * -(-size // 128)


def bisect(domain: list[int], first: list[int], budget: int, noise: float = 0.0) -> list[int]:
    """Give the sizes chosen after `first`, in order."""
    measured = {size: staircase(size) for size in first}
    chosen: list[int] = []
    while len(chosen) < budget:
        size = next_size(measured, domain, noise=noise)
        if size is None:
            break
        measured[size] = staircase(size)
        chosen.append(size)
    return chosen


def test_the_middle_of_the_largest_jump_is_next() -> None:
    assert next_size({1: 10.0, 101: 10.1, 201: 20.0}, DOMAIN) == 151


def test_of_equal_jumps_the_wider_bracket_is_next() -> None:
    assert next_size({1: 10.0, 101: 20.0, 401: 40.0}, DOMAIN) == 251


def test_only_sizes_of_the_domain_are_chosen() -> None:
    assert next_size({1: 1.0, 512: 2.0}, [1, 8, 300, 512]) == 8
    assert next_size({1: 1.0, 512: 2.0}, [8]) == 8


def test_the_edges_of_a_staircase_are_found() -> None:
    chosen = bisect(list(DOMAIN), [1, 512], budget=40)
    measured = {1, 512, *chosen}
    for edge in (128, 256, 384):
        assert {edge, edge + 1} <= measured


def test_nothing_is_left_when_all_is_measured_or_lies_outside() -> None:
    assert next_size({1: 1.0, 2: 2.0}, [1, 2]) is None
    assert next_size({4: 1.0, 8: 2.0}, [1, 2, 16]) is None
    assert next_size({4: 1.0}, DOMAIN) is None
    assert next_size({}, DOMAIN) is None


def test_a_jump_within_the_noise_comes_after_every_real_one() -> None:
    flat_is_wide = {1: 10.0, 401: 10.4, 404: 10.9}
    assert next_size(flat_is_wide, DOMAIN, noise=0.045) == 402  # 10.9 / 10.4 is 4.8 %
    assert next_size(flat_is_wide, DOMAIN, noise=0.05) == 201  # all is flat: the widest


@pytest.mark.parametrize("latency", [0.0, -1.0, nan, inf])
def test_a_latency_that_cannot_be_is_named(latency: float) -> None:
    with pytest.raises(BadInput, match=f"batch size 7 is {latency}"):
        next_size({1: 1.0, 7: latency}, DOMAIN)


@settings(max_examples=60, deadline=None)
@given(
    domain=st.sets(st.integers(1, 600), min_size=3, max_size=60).map(sorted),
    noise=st.sampled_from([0.0, 0.1, 10.0]),
)
def test_bisection_visits_each_size_between_the_ends_once(domain: list[int], noise: float) -> None:
    chosen = bisect(domain, [domain[0], domain[-1]], budget=1000, noise=noise)
    assert sorted(chosen) == domain[1:-1]


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.integers(1, 512), st.floats(0.1, 1e6, allow_subnormal=False), min_size=2, max_size=20
    )
)
def test_no_bracket_is_worth_more_than_the_one_that_is_bisected(measured: dict[int, float]) -> None:
    size = next_size(measured, DOMAIN)
    worth = {
        (a, b): abs(log(measured[b] / measured[a])) * sqrt(b - a - 1)
        for a, b in pairwise(sorted(measured))
        if b - a > 1
    }
    if size is None:
        assert worth == {}
    else:
        (chosen,) = (bracket for bracket in worth if bracket[0] < size < bracket[1])
        assert worth[chosen] == max(worth.values())
