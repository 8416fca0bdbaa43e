"""The course of a machine's speed, and the visits of each size that agree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.stats.arrays import Float64, Int64
from moeprof.stats.machine_course import (
    AGREEMENT,
    Bools,
    anchored,
    is_quiet,
    machine_course,
    size_estimates,
)

REFERENCE = 0
TRUE = np.log(np.concatenate([[5.0], np.arange(1.0, 25.0)]))


def visited(seed: int, noise: float = 0.005) -> tuple[Int64, Float64]:
    """Two turns over 24 sizes, the reference before every fourth; sizes, and their log times."""
    rng = np.random.default_rng(seed)
    order: list[int] = []
    for _ in range(2):
        for at, size in enumerate(rng.permutation(np.arange(1, 25)).tolist()):
            order += [REFERENCE, size] if at % 4 == 0 else [size]
    sizes = np.array(order, dtype=np.int64)
    return sizes, TRUE[sizes] + rng.normal(0, noise, len(sizes))


def course_of(sizes: Int64, log_times: Float64) -> Float64:
    """The course of visits a second apart."""
    return machine_course(sizes, log_times, np.arange(len(sizes), dtype=np.float64))


def nothing(sizes: Int64) -> Bools:
    return np.zeros(len(sizes), dtype=np.bool_)


def errors(sizes: Int64, log_times: Float64) -> Float64:
    estimates = size_estimates(sizes, log_times, course_of(sizes, log_times), nothing(sizes))
    return np.array([abs(one.log_time - TRUE[size]) for size, one in estimates.items()])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(0.002, 0.03))
def test_where_nothing_but_noise_is_seen_repeats_are_not_moved_apart(
    seed: int, noise: float
) -> None:
    sizes, log_times = visited(seed, noise)
    course = course_of(sizes, log_times)
    apart, moved = (
        np.mean([np.ptp(values[sizes == size]) for size in range(1, 25)])
        for values in (log_times, log_times - course)
    )
    assert moved <= 1.05 * apart
    assert np.std(course) < noise


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 40), st.integers(8, 18), st.floats(0.2, 0.5))
def test_an_episode_is_found_and_no_size_keeps_it(
    seed: int, begin: int, length: int, slower: float
) -> None:
    sizes, log_times = visited(seed)
    log_times[begin : begin + length] += slower
    course = course_of(sizes, log_times)
    slow = ~is_quiet(course)
    truly = np.zeros(len(sizes), dtype=bool)
    truly[begin : begin + length] = True
    assert np.count_nonzero(slow != truly) <= 6  # the edges
    assert np.median(errors(sizes, log_times)) < 0.02


@given(st.integers(0, 1000), st.floats(-3, 3))
@settings(max_examples=15, deadline=None)
def test_the_unit_of_time_does_not_matter(seed: int, shift: float) -> None:
    sizes, log_times = visited(seed)
    log_times[10:25] += 0.3
    moved = course_of(sizes, log_times + shift)
    assert moved == pytest.approx(course_of(sizes, log_times), abs=1e-9)


@pytest.mark.parametrize("turns", [(0, 1000), (1000, 0), (200, 700)])
def test_a_drift_is_taken_off_and_leaves_the_mean_speed_of_the_run(turns: tuple[int, int]) -> None:
    sizes, log_times = visited(3)
    visits = len(sizes) // 2
    times_s = np.concatenate([begin_s + np.arange(visits) for begin_s in sorted(turns)])
    times_s = times_s.astype(np.float64)
    log_times += 0.05 * (times_s - 500) / 1000
    course = anchored(machine_course(sizes, log_times, times_s), times_s, (0.0, 1000.0))
    found = size_estimates(sizes, log_times, course, nothing(sizes))
    off = [one.log_time - TRUE[size] for size, one in found.items()]
    assert abs(float(np.mean(off))) < 0.006


def test_no_size_that_was_visited_often_shows_no_course() -> None:
    assert not course_of(np.array([1, 2, 1]), np.array([0.0, 1.0, 0.4])).any()
    assert len(course_of(np.zeros(0, dtype=np.int64), np.zeros(0))) == 0


def test_the_largest_group_that_agrees_counts_and_of_two_the_faster() -> None:
    sizes = np.array([1, 1, 1, 2, 2])
    log_times = np.array([0.0, 0.3, 0.3 + AGREEMENT / 2, 0.0, 0.2])
    found = size_estimates(sizes, log_times, np.zeros(5), nothing(sizes))
    assert (found[1].used, found[1].is_confirmed) == ((1, 2), True)
    assert (found[2].used, found[2].is_confirmed) == ((3,), False)


def test_a_visit_that_was_alone_counts_more_than_two_that_were_disturbed() -> None:
    sizes, log_times = np.array([4, 4, 4]), np.log([100.0, 130.0, 131.0])
    found = size_estimates(sizes, log_times, np.zeros(3), np.array([False, True, True]))[4]
    assert found.used == (0,)
    assert not found.is_confirmed
    all_disturbed = size_estimates(sizes, log_times, np.zeros(3), np.ones(3, dtype=np.bool_))[4]
    assert all_disturbed.used == (1, 2)
    assert all_disturbed.is_confirmed


def test_visits_agree_with_the_course_or_without() -> None:
    sizes, course = np.array([1, 1, 2, 2, 3, 3]), np.array([0.0, 0.07, 0.0, 0.07, 0.0, 0.07])
    log_times = np.array([0.0, 0.0, 0.0, 0.07, 0.0, 0.2])
    found = size_estimates(sizes, log_times, course, nothing(sizes))
    assert [found[size].is_confirmed for size in (1, 2, 3)] == [True, True, False]
    assert found[1].log_time == pytest.approx(-0.035)


def test_the_usual_speed_is_the_one_of_a_fast_moment_though_both_turns_were_slow() -> None:
    sizes, log_times = visited(5)
    slow = np.arange(len(sizes)) >= 8
    log_times[slow] += 0.25
    course = course_of(sizes, log_times)
    assert not is_quiet(course)[slow][8:].any()
    assert is_quiet(course)[:6].all()


def test_what_the_turn_before_took_says_nothing_of_the_next() -> None:
    sizes, log_times = visited(5)
    late = np.arange(len(sizes)) >= len(sizes) // 2
    log_times[late] += 0.25
    times_s = np.arange(len(sizes)) + 1000.0 * late
    assert (is_quiet(machine_course(sizes, log_times, times_s)) == ~late).all()
