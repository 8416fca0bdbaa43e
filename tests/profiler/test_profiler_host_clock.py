"""The host's clocks: the right ones, and a sleep that ends no earlier than asked."""

import time

from moeprof.profiler.host_clock import SystemClock


def test_each_clock_is_the_hosts() -> None:
    clock = SystemClock()
    assert abs(clock.monotonic_ns() - time.monotonic_ns()) < 1e9
    assert abs(clock.epoch_ns() - time.time_ns()) < 1e9
    assert clock.boot_ns() >= clock.monotonic_ns() - 1e9


def test_it_sleeps_until_then_and_not_for_what_is_past() -> None:
    clock = SystemClock()
    begin_ns = clock.monotonic_ns()
    clock.sleep_until(begin_ns - 1_000_000_000)
    assert clock.monotonic_ns() - begin_ns < 500_000_000
    clock.sleep_until(begin_ns + 20_000_000)
    assert clock.monotonic_ns() >= begin_ns + 20_000_000
