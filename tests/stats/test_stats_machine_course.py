"""The course of a machine's speed, and the visits of each size that agree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from moeprof.stats.arrays import Float64, Int64
from moeprof.stats.machine_course import (
    AGREEMENT,
    Bools,
    is_quiet,
    machine_course,
    reference_course,
    size_estimates,
)

TRUE = np.log(np.arange(1.0, 25.0))


def visited(seed: int, noise: float = 0.005) -> tuple[Int64, Float64]:
    """Two turns over 24 sizes, each in an order of its own; sizes, and their log times."""
    rng = np.random.default_rng(seed)
    sizes = np.concatenate([rng.permutation(24), rng.permutation(24)])
    return sizes, TRUE[sizes] + rng.normal(0, noise, len(sizes))


def course_of(
    sizes: Int64, log_times: Float64, machine: NDArray[np.floating] | float = 0.0
) -> Float64:
    """The course of visits a second apart, with a reference slower by e^`machine`."""
    times_s = np.arange(len(sizes), dtype=np.float64)
    reference = reference_course(readings(machine + np.zeros(len(sizes))), times_s)
    return machine_course(sizes, log_times, reference, times_s)


def readings(course: NDArray[np.floating]) -> list[list[int]]:
    """Times of the reference, ns, on a machine of this course."""
    return [[round(140_000 * slower)] * 6 for slower in np.exp(course)]


def nothing(sizes: Int64) -> Bools:
    return np.zeros(len(sizes), dtype=np.bool_)


def errors(sizes: Int64, log_times: Float64, course: Float64) -> Float64:
    estimates = size_estimates(sizes, log_times, course, nothing(sizes))
    return np.array([abs(one.log_time - TRUE[size]) for size, one in estimates.items()])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(0.002, 0.03))
def test_where_nothing_but_noise_is_seen_repeats_are_not_moved_apart(
    seed: int, noise: float
) -> None:
    sizes, log_times = visited(seed, noise)
    course = course_of(sizes, log_times)
    apart, moved = (
        np.mean([np.ptp(values[sizes == size]) for size in range(24)])
        for values in (log_times, log_times - course)
    )
    assert moved <= 1.05 * apart
    assert np.std(course) < noise


@pytest.mark.parametrize(("share", "edges"), [(0.0, 9), (0.5, 8), (1.0, 0), (1.5, 4)])
def test_an_episode_is_found_though_the_reference_feels_another_share_of_it(
    share: float, edges: int
) -> None:
    """Where it feels the same, to the visit; else but for visits at its edges."""
    wrong, off = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        sizes, log_times = visited(seed)
        episode = np.zeros(len(sizes))
        begin, length = rng.integers(0, 31), rng.integers(8, 19)
        episode[begin : begin + length] = rng.uniform(0.2, 0.5)
        course = course_of(sizes, log_times + episode, share * episode)
        wrong.append(np.count_nonzero(is_quiet(course) == (episode > 0)))
        off.append(np.median(errors(sizes, log_times + episode, course)))
    assert np.quantile(wrong, 0.95) <= edges
    assert np.quantile(off, 0.95) < 0.01


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 40), st.integers(4, 8), st.floats(0.03, 0.5))
def test_what_the_reference_alone_feels_is_taken_off_no_size(
    seed: int, begin: int, length: int, slower: float
) -> None:
    sizes, log_times = visited(seed)
    machine = np.zeros(len(sizes))
    machine[begin : begin + length] = slower
    course = course_of(sizes, log_times, machine)
    assert np.abs(course).max() < 0.03
    assert np.median(errors(sizes, log_times, course)) < 0.01


def test_before_any_repeat_the_reference_is_believed() -> None:
    sizes, machine = np.arange(24), np.where(np.arange(24) < 8, 0.3, 0.0)
    course = course_of(sizes, TRUE + machine, machine)
    assert np.abs(TRUE + machine - course - TRUE).max() < 0.001
    assert (is_quiet(course) == (machine == 0)).all()


@given(st.integers(0, 1000), st.floats(-3, 3))
@settings(max_examples=15, deadline=None)
def test_the_unit_of_time_does_not_matter(seed: int, shift: float) -> None:
    sizes, log_times = visited(seed)
    log_times[10:25] += 0.3
    moved = course_of(sizes, log_times + shift)
    assert moved == pytest.approx(course_of(sizes, log_times), abs=1e-9)


@pytest.mark.parametrize("turns_s", [(0, 950), (200, 700), (600, 800)])
def test_a_drift_is_taken_off_and_leaves_the_mean_speed_of_the_run(
    turns_s: tuple[int, int],
) -> None:
    """Other operations are measured before, between and after the two turns of this one."""
    sizes, log_times = visited(3)
    turns = [begin_s + np.arange(24.0) for begin_s in turns_s]
    run_s = np.arange(0, 1000.0)
    reference = reference_course(readings(drift(run_s)), run_s)
    times_s = np.concatenate(turns)
    log_times += drift(times_s)
    course = machine_course(sizes, log_times, np.interp(times_s, run_s, reference), times_s)
    found = size_estimates(sizes, log_times, course, nothing(sizes))
    off = [one.log_time - TRUE[size] for size, one in found.items()]
    assert abs(float(np.mean(off))) < 0.006


def drift(times_s: Float64) -> Float64:
    """Log factor by which the machine is slower than in the mean of 1000 s: 5 % in all."""
    course: Float64 = 0.05 * (times_s - 500) / 1000
    return course


def test_an_operation_that_was_measured_while_the_reference_was_slow_counts_as_slow() -> None:
    sizes, log_times = visited(3)
    times_s = np.arange(48.0)
    course = machine_course(sizes, log_times + 0.3, np.full(48, 0.3), times_s)
    assert not is_quiet(course).any()
    assert np.median(errors(sizes, log_times + 0.3, course)) < 0.01


def test_visits_without_a_reference_have_the_course_that_their_repeats_show() -> None:
    sizes, log_times = visited(4)
    log_times[:12] += 0.3
    times_s = np.arange(48.0)
    reference = reference_course([()] * 48, times_s)
    assert not reference.any()
    course = machine_course(sizes, log_times, reference, times_s)
    assert np.median(errors(sizes, log_times, course)) < 0.02


def test_few_visits_show_no_course() -> None:
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
    course = course_of(sizes, log_times, 0.25 * slow)
    assert not is_quiet(course)[slow][8:].any()
    assert is_quiet(course)[:6].all()


def test_what_the_turn_before_took_says_nothing_of_the_next() -> None:
    sizes, log_times = visited(5)
    late = np.arange(len(sizes)) >= len(sizes) // 2
    log_times[late] += 0.25
    times_s = np.arange(len(sizes)) + 1000.0 * late
    reference = reference_course(readings(0.25 * late), times_s)
    assert (is_quiet(machine_course(sizes, log_times, reference, times_s)) == ~late).all()
