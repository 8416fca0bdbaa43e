"""Jump bisection chooses sizes inside the largest jumps, each once."""

from itertools import pairwise
from math import inf, log, nan, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.costmodel.curve.next_size import (
    Seen,
    is_enough,
    next_size,
    predicted_p95,
    simulate_sampling,
)
from moeprof.store.errors import BadInput

DOMAIN = range(1, 513)


def staircase(size: int) -> float:
    return 10.0 * -(-size // 128)


def bisect(domain: list[int], first: list[int], budget: int) -> list[int]:
    """Give the sizes chosen after `first`, in order."""
    measured = {size: staircase(size) for size in first}
    chosen: list[int] = []
    while len(chosen) < budget:
        size = next_size(Seen(measured), domain)
        if size is None:
            break
        measured[size] = staircase(size)
        chosen.append(size)
    return chosen


def test_the_middle_of_the_largest_jump_is_next() -> None:
    assert next_size(Seen({1: 10.0, 101: 10.1, 201: 20.0}), DOMAIN) == 151


def test_of_equal_jumps_the_wider_bracket_is_next() -> None:
    assert next_size(Seen({1: 10.0, 101: 20.0, 401: 40.0}), DOMAIN) == 251


def test_only_sizes_of_the_domain_are_chosen() -> None:
    assert next_size(Seen({1: 1.0, 512: 2.0}), [1, 8, 300, 512]) == 8
    assert next_size(Seen({1: 1.0, 512: 2.0}), [8]) == 8


def test_the_edges_of_a_staircase_are_found() -> None:
    chosen = bisect(list(DOMAIN), [1, 512], budget=40)
    measured = {1, 512, *chosen}
    for edge in (128, 256, 384):
        assert {edge, edge + 1} <= measured


def test_no_size_is_next_where_all_are_measured_or_outside() -> None:
    assert next_size(Seen({1: 1.0, 2: 2.0}), [1, 2]) is None
    assert next_size(Seen({4: 1.0, 8: 2.0}), [1, 2, 16]) is None
    assert next_size(Seen({4: 1.0}), DOMAIN) is None
    assert next_size(Seen({}), DOMAIN) is None


def test_a_jump_within_the_noise_of_its_ends_is_not_bisected() -> None:
    latency = {1: 10.0, 401: 10.4, 404: 10.9}
    sure = dict.fromkeys(latency, 0.01)  # 1.96 standard errors of a ratio of two: 2.8 %
    assert next_size(Seen(latency, noise=sure), DOMAIN) == 201
    unsure = sure | {1: 0.02}  # the noise of the first ratio is 4.4 %, the ratio itself 3.9 %
    assert next_size(Seen(latency, noise=unsure), DOMAIN) == 402
    assert next_size(Seen(latency, noise=dict.fromkeys(latency, 0.1)), DOMAIN) is None


def test_sampling_ends_where_the_predicted_p95_meets_its_target() -> None:
    line = {size: 10.0 + size for size in range(1, 513, 40)}
    assert predicted_p95(line, DOMAIN) == pytest.approx(0, abs=1e-12)
    assert is_enough(line, DOMAIN, 0.02)
    stairs = {size: 50.0 * -(-size // 24) for size in range(1, 513, 39)}
    assert predicted_p95(stairs, DOMAIN) > 0.02
    assert not is_enough(stairs, DOMAIN, 0.02)
    few = {size: 10.0 + size for size in range(1, 513, 73)}
    assert not is_enough(few, DOMAIN, 0.02)  # eight even knots may lie on a line by chance
    assert predicted_p95({1: 1.0, 9: 2.0}, DOMAIN) == inf
    assert predicted_p95({1: 1.0, 2: 2.0, 3: 3.0}, [1, 2, 3]) == 0


def test_simulated_sampling_chooses_the_sizes_of_a_sweep() -> None:
    table = {size: staircase(size) for size in DOMAIN}
    chosen = simulate_sampling(table, 24)
    assert len(chosen) == 24
    assert {124, 132} <= set(chosen)  # around the step after 128
    assert {1, 512} <= set(chosen)
    assert all(table[size] == time for size, time in chosen.items())
    assert simulate_sampling(table, 24, domain=range(1, 11)).keys() <= set(range(1, 11))
    assert len(simulate_sampling({size: 10.0 + size for size in DOMAIN}, 24, target=0.02)) == 12


@pytest.mark.parametrize("latency", [0.0, -1.0, nan, inf])
def test_an_impossible_latency_is_named(latency: float) -> None:
    with pytest.raises(BadInput, match=f"batch size 7 is {latency}"):
        next_size(Seen({1: 1.0, 7: latency}), DOMAIN)


@settings(max_examples=60)
@given(domain=st.sets(st.integers(1, 600), min_size=3, max_size=60).map(sorted))
def test_bisection_chooses_each_size_between_the_ends_once(domain: list[int]) -> None:
    chosen = bisect(domain, [domain[0], domain[-1]], budget=1000)
    assert sorted(chosen) == domain[1:-1]


@settings(max_examples=60)
@given(
    st.dictionaries(
        st.integers(1, 512), st.floats(0.1, 1e6, allow_subnormal=False), min_size=2, max_size=20
    )
)
def test_the_bisected_bracket_has_the_largest_weighted_jump(measured: dict[int, float]) -> None:
    size = next_size(Seen(measured), DOMAIN)
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
