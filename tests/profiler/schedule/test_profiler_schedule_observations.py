"""What is kept of a size: its visits in the order of time, and what they amount to."""

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from moeprof.profiler.schedule.observations import Observations
from moeprof.profiler.schedule.repeat import Repeat
from moeprof.store.recording import PointTiming
from moeprof.tests.profiler.worlds import a_scenario


def timing(tokens: int, *calls_ns: int, at: int = 0, reference_ns: int = 140) -> PointTiming:
    times = (reference_ns,) * 6
    return PointTiming(
        a_scenario(tokens).key, 0, len(calls_ns), calls_ns, at, at + 1, reference_ns=times
    )


def observed(*times_ns: tuple[int, int], machine: Sequence[float] = ()) -> Observations:
    """Visits of sizes; `machine` are factors by which the reference takes longer beside them."""
    seen = Observations()
    for at, (tokens, time_ns) in enumerate(times_ns):
        reference_ns = round(100_000 * machine[at]) if machine else 100_000
        one = timing(tokens, *[time_ns] * 6, at=at, reference_ns=reference_ns)
        seen.add(Repeat(tokens, seen.counts[tokens]), one)
    return seen


def test_two_visits_that_agree_confirm_a_size() -> None:
    seen = observed((4, 100), (8, 200), (4, 102), (8, 300))
    assert seen.time_ns == pytest.approx({4: 100.995, 8: 200})
    assert seen.unconfirmed == {8}
    assert seen.remarks() == ["no two visits at the usual speed agree at 1 size: 8"]


def test_a_slow_machine_is_told_and_its_times_do_not_count() -> None:
    turn = [(2**at, 100 * 2**at) for at in range(8)]
    slow = [(tokens, round(1.5 * time_ns)) for tokens, time_ns in turn]
    seen = observed(*turn, *slow, machine=[1.0] * 8 + [1.4] * 8)
    assert seen.time_ns == pytest.approx({tokens: time_ns for tokens, time_ns in turn}, rel=0.01)
    *_, remark = seen.remarks()
    assert re.match("the machine was up to (4[5-9]|50) % slower in 8 of 16 visits", remark)


def test_a_machine_that_is_slow_in_the_first_turn_is_known_by_the_reference() -> None:
    seen = observed(*((2**at, 100 * 2**at) for at in range(8)), machine=[1.0] * 4 + [1.4] * 4)
    assert {size for size, one in seen.estimates.items() if one.is_slow} == {16, 32, 64, 128}


def test_sizes_visited_once_while_the_speed_changed_are_named() -> None:
    times_ns = [(2**at, 100) for at in range(12)]
    seen = observed(*times_ns, machine=[1.0] * 6 + [1.4] * 6)
    assert seen.between_speeds == {16, 32, 64, 128}
    assert observed(*times_ns).between_speeds == set()


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


def test_the_noise_holds_the_scatter_of_the_reference_between_visits() -> None:
    """Calls of a visit may agree to the nanosecond while visits are 4 % apart."""
    visits = [(2**at, 400) for at in range(6)]
    assert observed(*visits).noise[4] == 0.0
    moved = observed(*visits, machine=[1.0, 1.04, 1.0, 1.04, 1.0, 1.04])
    assert moved.noise[4] == pytest.approx(0.04 / 0.6745 / 2**0.5, rel=0.03)


def test_the_edge_of_a_slow_episode_is_no_scatter() -> None:
    seen = observed(*((2**at, 400) for at in range(8)), machine=[1.0] * 4 + [1.5] * 4)
    assert seen.noise[4] == 0.0
