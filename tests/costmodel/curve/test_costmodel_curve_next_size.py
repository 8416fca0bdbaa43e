"""Jump bisection chooses sizes inside the largest jumps of the worst band, each once."""

from itertools import pairwise
from math import inf, log, nan, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.costmodel.curve.next_size import (
    Seen,
    is_enough,
    next_size,
    predicted_p95s,
    simulate_sampling,
)
from moeprof.stats.size_bands import BANDS, band_of
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
    assert next_size(Seen({65: 10.0, 165: 10.1, 265: 20.0}), DOMAIN) == 215


def test_of_equal_jumps_the_wider_bracket_is_next() -> None:
    assert next_size(Seen({101: 10.0, 201: 20.0, 501: 40.0}), DOMAIN) == 351


def test_the_band_with_the_largest_predicted_error_is_first() -> None:
    """Eight sizes of 512 would never count; here a step at 3 makes their band the worst."""
    even = {size: 100.0 + size for size in (1, 2, 4, 6, 8, 16, 32, 48, 64, 128, 256, 384, 512)}
    decode = even | {1: 50.0, 2: 50.0}
    band = band_of(3)
    assert predicted_p95s(even, DOMAIN)[band] < 0.01
    assert predicted_p95s(decode, DOMAIN)[band] > 0.2
    assert next_size(Seen(decode), DOMAIN, 0.02) == 3
    assert not is_enough(decode, DOMAIN, 0.02)
    assert is_enough(decode, range(9, 513), 0.02)


def test_a_band_that_is_good_enough_is_left_alone() -> None:
    uneven = {65: 100.0, 120: 150.0, 200: 160.0, 300: 300.0, 400: 310.0, 512: 500.0}
    seen = {size: 100.0 for size in (1, 2, 4, 8, 9, 20, 40, 64)} | uneven
    assert next_size(Seen(seen), DOMAIN, 0.02) == 250
    whole = seen | {size: staircase(size) * 10 for size in range(65, 513)}
    assert next_size(Seen(whole), DOMAIN, 0.02) is None
    assert next_size(Seen(whole), DOMAIN) is not None  # without a target, until all are measured


def test_a_band_of_fewer_than_four_sizes_is_not_known() -> None:
    line = {size: 100.0 + size for size in (1, 2, 6, 14, 35, 86, 211, 350, 420, 512)}
    p95s = predicted_p95s(line, DOMAIN)
    assert [p95s[band] for band in BANDS[:2]] == [inf, inf]
    assert p95s[BANDS[2]] == pytest.approx(0, abs=1e-9)
    chosen = simulate_sampling({size: 100.0 + size for size in DOMAIN}, 30, target=0.02)
    assert [sum(size in band for size in chosen) for band in BANDS] == [4, 4, 4]


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
    latency = {65: 10.0, 401: 10.4, 404: 10.9}
    sure = dict.fromkeys(latency, 0.01)  # 1.96 standard errors of a ratio of two: 2.8 %
    assert next_size(Seen(latency, noise=sure), DOMAIN) == 233
    unsure = sure | {65: 0.02}  # the noise of the first ratio is 4.4 %, the ratio itself 3.9 %
    assert next_size(Seen(latency, noise=unsure), DOMAIN) == 402
    assert next_size(Seen(latency, noise=dict.fromkeys(latency, 0.1)), DOMAIN) is None


def test_sampling_ends_where_the_predicted_p95_of_each_band_meets_its_target() -> None:
    large = range(65, 577)
    line = {size: 10.0 + size for size in range(65, 577, 40)}
    assert predicted_p95s(line, large)[BANDS[2]] == pytest.approx(0, abs=1e-12)
    assert is_enough(line, large, 0.02)
    stairs = {size: 50.0 * -(-size // 24) for size in range(65, 577, 39)}
    assert predicted_p95s(stairs, large)[BANDS[2]] > 0.02
    assert not is_enough(stairs, large, 0.02)
    few = {size: 10.0 + size for size in range(65, 577, 73)}
    assert not is_enough(few, large, 0.02)  # eight even knots may lie on a line by chance
    assert predicted_p95s({1: 1.0, 3: 2.0}, DOMAIN)[BANDS[0]] == inf
    assert set(predicted_p95s({1: 1.0, 2: 2.0, 3: 3.0}, [1, 2, 3]).values()) == {0.0}
    assert set(predicted_p95s({}, DOMAIN).values()) == {0.0}


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
def test_the_bisected_bracket_has_the_largest_weighted_jump_of_the_worst_band(
    measured: dict[int, float],
) -> None:
    size = next_size(Seen(measured), DOMAIN)
    p95s = predicted_p95s(measured, DOMAIN)
    worth = {
        (p95s[band], abs(log(measured[b] / measured[a])) * sqrt(inside)): (a, b)
        for a, b in pairwise(sorted(measured))
        for band in BANDS
        if (inside := sum(one in band for one in range(a + 1, b)))
    }
    if size is None:
        assert worth == {}
    else:
        a, b = next((a, b) for a, b in pairwise(sorted(measured)) if a < size < b)
        inside = sum(one in band_of(size) for one in range(a + 1, b))
        chosen = p95s[band_of(size)], abs(log(measured[b] / measured[a])) * sqrt(inside)
        assert chosen == max(worth)
