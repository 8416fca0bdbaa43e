"""What is kept of a size: its visits in the order of time, and what they amount to."""

from dataclasses import replace

import pytest

from moeprof.profiler.schedule.observations import Observations
from moeprof.profiler.schedule.repeat import Repeat
from moeprof.store.recording import PointTiming
from moeprof.tests.profiler.worlds import a_scenario


def timing(tokens: int, *calls_ns: int, at: int = 0) -> PointTiming:
    return PointTiming(a_scenario(tokens).key, 0, len(calls_ns), calls_ns, at, at + 1)


def observed(*times_ns: tuple[int, int]) -> Observations:
    seen = Observations()
    for at, (tokens, time_ns) in enumerate(times_ns):
        seen.add(Repeat(tokens, seen.counts[tokens]), timing(tokens, *[time_ns] * 6, at=at))
    return seen


def test_two_visits_that_agree_confirm_a_size() -> None:
    seen = observed((4, 100), (8, 200), (4, 102), (8, 300))
    assert seen.time_ns == pytest.approx({4: 100.995, 8: 200})
    assert seen.unconfirmed == {8}
    assert seen.remarks() == ["no two visits at the usual speed agree at 1 size: 8"]


def test_a_slow_machine_is_told_and_its_times_do_not_count() -> None:
    turn = [(1, 100), (4, 400), (1, 100), (8, 800), (1, 100), (16, 1600), (1, 100)]
    slow = [(tokens, round(1.5 * time_ns)) for tokens, time_ns in turn[:4]]
    seen = observed(*turn, *turn, *slow)
    assert seen.time_ns == pytest.approx({1: 100, 4: 400, 8: 800, 16: 1600}, rel=0.01)
    (remark,) = seen.remarks()
    assert remark.startswith("the machine was up to 50 % slower in ")


def test_sizes_visited_once_while_the_speed_changed_are_named() -> None:
    seen = observed((1, 100), (4, 400), (1, 101), (8, 800), (16, 2100), (1, 140), (32, 4000))
    assert seen.between_speeds(1) == {8, 16}
    assert seen.between_speeds(None) == set()


def test_a_repeat_takes_the_first_free_number() -> None:
    seen = observed((4, 100), (4, 100))
    assert seen.next_repeat(4) == Repeat(4, 2)
    assert seen.next_repeat(5) == Repeat(5, 0)


def test_the_noise_is_the_standard_error_of_the_median() -> None:
    seen = Observations()
    seen.add(Repeat(4, 0), timing(4, 100, 100, 110, 110))
    assert seen.noise[4] == pytest.approx(1.2533 * 10 / 105 / 1.349 / 2, rel=1e-3)


def test_times_by_the_gpu_decide_where_there_are_any() -> None:
    seen = Observations()
    seen.add(Repeat(4, 0), replace(timing(4, 900, 900, 900), device_ns=(100, 100, 100)))
    assert seen.time_ns == pytest.approx({4: 100})


def test_few_calls_have_no_scatter_and_a_count_of_events_no_time() -> None:
    seen = Observations()
    seen.add(Repeat(1, 0), timing(1, 100, 200, 300))
    seen.add(Repeat(2, 0), timing(2))
    assert seen.time_ns == pytest.approx({1: 200})
    assert (seen.noise, seen.sizes) == ({1: 0.0}, {1, 2})


def test_the_noise_holds_the_scatter_of_the_visits_to_the_reference() -> None:
    """Calls of a visit may agree to the nanosecond while visits are 4 % apart."""
    steady, moved = (
        observed(*((1, time_ns) for time_ns in times_ns), (4, 400)).noise[4]
        for times_ns in ((100, 100, 100, 100, 100), (100, 104, 100, 104, 100))
    )
    assert steady == 0.0
    assert moved == pytest.approx(0.04 / 0.6745 / 2**0.5, rel=0.02)


def test_the_edge_of_a_slow_episode_is_no_scatter() -> None:
    seen = observed(*((1, time_ns) for time_ns in (100, 100, 100, 150, 150, 150)), (4, 400))
    assert seen.noise[4] == 0.0
