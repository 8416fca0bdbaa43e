"""Lengths of repeats on a clock that the test advances."""

from moeprof.profiler.schedule.stopwatch import Stopwatch
from moeprof.tests.fake_clock import FakeClock


def test_the_mean_is_over_the_repeats_that_ended() -> None:
    clock = FakeClock()
    watch = Stopwatch(clock)
    assert watch.mean_s == 0.0
    for length_s in (1.0, 3.0):
        watch.start()
        assert watch.is_running
        clock.advance(length_s)
        watch.stop()
    clock.advance(10.0)
    watch.stop()  # nothing runs
    assert not watch.is_running
    assert abs(watch.mean_s - 2.0) < 1e-3
