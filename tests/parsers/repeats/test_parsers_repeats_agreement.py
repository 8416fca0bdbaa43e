"""Which repeats of a point count, on a machine that was slow for a while."""

import numpy as np
import pytest

from moeprof.parsers.repeats.agreement import AgreedTimes, PointKey, agreed_times
from moeprof.parsers.repeats.times import RepeatTimes
from moeprof.store.plan import Role
from moeprof.tests.builders import make_scenario

SIZES = range(1, 21)


def point_key(size: int, op: str = "gelu") -> PointKey:
    scenario = make_scenario(size, op)
    return scenario.curve, scenario.key, Role.FIT


def swept(slow: range, slower: float = 1.4, *, late: bool = True) -> dict[int, AgreedTimes]:
    """Agreed times of two turns over all sizes; visits in `slow` took `slower` times as long."""
    order = [*SIZES, *(reversed(SIZES) if late else ())]
    repeats: dict[PointKey, list[RepeatTimes]] = {}
    for at, size in enumerate(order):
        factor = slower if at in slow else 1.0
        mine = repeats.setdefault(point_key(size), [])
        mine.append(repeat(len(mine), at, 1000.0 * size * factor, factor))
    agreed = agreed_times(repeats)
    return {size: agreed[point_key(size)] for size in SIZES}


def repeat(number: int, at_s: float, time_ns: float, factor: float) -> RepeatTimes:
    """A repeat whose calls took `time_ns`, on a machine that was slower by a factor."""
    reference_ns = (round(100_000 * factor),) * 6
    return RepeatTimes(
        number,
        None,
        round(at_s * 1e9),
        latency_ns=np.full(6, time_ns),
        reference_ns=reference_ns,
    )


def time_us(one: AgreedTimes) -> float:
    return float(np.median(np.concatenate([each.latency_ns for each in one.used]))) / 1000


def test_on_a_quiet_machine_every_size_is_confirmed_and_nothing_is_corrected() -> None:
    for size, one in swept(range(0)).items():
        assert (one.correction, one.slower_by, time_us(one)) == (0.0, None, size)
        assert one.agreeing == len(one.complete) >= 2


def test_visits_in_a_slow_episode_do_not_count_where_there_are_others() -> None:
    agreed = swept(range(5, 20))
    assert [time_us(one) for one in agreed.values()] == pytest.approx([*SIZES], rel=0.02)
    once = [size for size, one in agreed.items() if one.agreeing == 1]
    assert once
    assert all(len(agreed[size].complete) == 2 for size in once)


def test_a_size_seen_in_a_slow_episode_alone_is_corrected_and_says_so() -> None:
    agreed = swept(range(8, 17), late=False)
    slow = {size: one for size, one in agreed.items() if one.slower_by is not None}
    assert slow
    assert all(one.agreeing == 0 for one in slow.values())
    right = [size for size, one in slow.items() if time_us(one) == pytest.approx(size, rel=0.02)]
    assert len(right) >= len(slow) - 3  # but for the edges


def test_a_scenario_without_a_complete_repeat_is_left_out() -> None:
    assert agreed_times({point_key(4): [RepeatTimes(0, "it hung")]}) == {}


def test_what_others_saw_of_the_machine_sets_the_level_of_an_operation() -> None:
    """The machine becomes 4 % slower after 60 of 80 s: half of this operation's visits feel it."""
    repeats: dict[PointKey, list[RepeatTimes]] = {}
    for op, starts_s in (("gelu", (0, 60)), ("relu", (20, 40))):
        for turn, begin_s in enumerate(starts_s):
            for place, size in enumerate(SIZES):
                at_s = begin_s + place
                factor = 1 + 0.04 * (at_s >= 60)
                mine = repeats.setdefault(point_key(size, op), [])
                mine.append(repeat(turn, at_s, 1000.0 * size * factor, factor))
    agreed = agreed_times(repeats)
    times_us = [time_us(agreed[point_key(size)]) / size for size in SIZES]
    assert times_us == pytest.approx([1.01] * len(SIZES), abs=0.002)  # the mean of 80 s
