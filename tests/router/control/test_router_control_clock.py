import logging
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.router.control.clock import TickClock


def times(*told_s: float) -> list[float]:
    clock, found = TickClock(), []
    for at_s in told_s:
        clock.advance(at_s)
        found.append(round(clock.now_s, 6))
    return found


def test_a_good_clock_is_followed() -> None:
    assert times(100.0, 100.1, 100.3, 102.0) == [0.1, 0.2, 0.4, 2.1]


@pytest.mark.parametrize("wrong_s", [nan, inf, -inf, -50.0, 0.9])
def test_a_wrong_time_is_the_usual_time_later(wrong_s: float) -> None:
    assert times(1.0, 1.2, wrong_s) == [0.1, 0.3, 0.5]


def test_a_clock_that_is_set_back_goes_on_from_there() -> None:
    assert times(500.0, 500.1, 200.0, 200.1) == [0.1, 0.2, 0.3, 0.4]


@pytest.mark.parametrize("wrong_s", [3600.0, 1e300])
def test_a_jump_ahead_and_back_costs_a_minute_at_most(wrong_s: float) -> None:
    assert times(1.0, 1.1, wrong_s, 1.3, 1.4) == [0.1, 0.2, 60.2, 60.3, 60.4]


def test_a_time_that_comes_twice_is_no_news_and_one_that_stands_is_wrong() -> None:
    clock = TickClock()
    assert [clock.advance(5.0) for _ in range(13)] == [True, *[False] * 10, True, True]
    assert clock.now_s == pytest.approx(0.3)


def test_a_wrong_clock_is_told_once_and_its_end(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        times(1.0, 1.1, nan, nan, 1.4, 1.5)
    assert [record.message for record in caplog.records] == [
        "the clock of the telemetry is wrong: nan s after 1.1 s; taken for 0.1 s later",
        "the clock of the telemetry goes on, at 1.4 s",
    ]


@given(st.lists(st.floats(), max_size=30))
def test_whatever_is_told_time_goes_on(told_s: list[float]) -> None:
    clock = TickClock()
    for ticks, at_s in enumerate(told_s, start=1):
        before_s = clock.now_s
        passed = clock.advance(at_s)
        assert before_s <= clock.now_s <= 60 * ticks
        assert passed or clock.now_s == before_s
