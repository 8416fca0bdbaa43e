"""The host's clocks: the right ones, and a sleep that ends no earlier than asked."""

import time

from moeprof.profiler.host_clock import SystemClock


def test_each_clock_is_the_hosts() -> None:
    clock = SystemClock()
    assert time.monotonic_ns() <= clock.monotonic_ns() <= time.monotonic_ns()
    assert time.time_ns() <= clock.epoch_ns() <= time.time_ns()
    before_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    assert before_ns <= clock.boot_ns() <= time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def test_it_sleeps_until_then_and_not_for_what_is_past() -> None:
    clock = SystemClock()
    begin_ns = clock.monotonic_ns()
    clock.sleep_until(begin_ns - 1_000_000_000)  # a sleep of a negative time would raise
    clock.sleep_until(begin_ns + 20_000_000)
    assert clock.monotonic_ns() >= begin_ns + 20_000_000
