"""What is kept of a size: the median of its first calls, their scatter, and repeats."""

import pytest

from moeprof.profiler.schedule.observations import Observations
from moeprof.profiler.schedule.repeat import Repeat
from moeprof.store.recording import PointTiming
from moeprof.tests.profiler.worlds import a_scenario


def timing(tokens: int, *calls_ns: int) -> PointTiming:
    return PointTiming(a_scenario(tokens).key, 0, len(calls_ns), calls_ns, 0, 1)


def test_the_first_measurement_of_a_size_decides() -> None:
    observed = Observations()
    observed.add(Repeat(4, 0), timing(4, 100, 100, 110, 110))
    observed.add(Repeat(4, 1), timing(4, 900))
    assert observed.time_ns == {4: 105}
    assert observed.spread[4] == pytest.approx(10 / 105)
    assert observed.noise[4] == pytest.approx(1.2533 * 10 / 105 / 1.349 / 2, rel=1e-3)
    assert observed.repeated == {4}


def test_few_calls_have_no_scatter_and_a_count_of_events_no_time() -> None:
    observed = Observations()
    observed.add(Repeat(1, 0), timing(1, 100, 200, 300))
    observed.add(Repeat(2, 0), timing(2))
    assert (observed.time_ns, observed.spread, observed.noise) == ({1: 200}, {1: 0.0}, {1: 0.0})
