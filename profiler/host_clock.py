"""The host's clocks, as one dependency that tests replace by a clock they advance themselves."""

import time
from math import ceil
from typing import Final, Protocol

_SECOND_NS: Final = 1_000_000_000


class Clock(Protocol):
    """The host's times, all in ns, and a way to wait."""

    def monotonic_ns(self) -> int:
        """Time that never jumps (CLOCK_MONOTONIC), ns."""

    def epoch_ns(self) -> int:
        """Time since 1970 as the host has it (CLOCK_REALTIME), ns."""

    def boot_ns(self) -> int:
        """Time since boot, suspension included (CLOCK_BOOTTIME), ns."""

    def sleep_until(self, time_ns: int) -> None:
        """Wait until `monotonic_ns` is at least `time_ns`."""


class SystemClock:
    """The clocks of this host."""

    def monotonic_ns(self) -> int:
        """CLOCK_MONOTONIC, ns."""
        return time.monotonic_ns()

    def epoch_ns(self) -> int:
        """CLOCK_REALTIME, ns."""
        return time.time_ns()

    def boot_ns(self) -> int:
        """CLOCK_BOOTTIME, ns."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def sleep_until(self, time_ns: int) -> None:
        """Sleep; return at once where the time is past."""
        left_ns = time_ns - time.monotonic_ns()
        if left_ns > 0:
            time.sleep(left_ns / _SECOND_NS)


SYSTEM_CLOCK: Final = SystemClock()


def monotonic_s(clock: Clock) -> float:
    """Time of a clock that never jumps, in seconds: the clock of every deadline in this room."""
    return clock.monotonic_ns() / _SECOND_NS


def sleep_s(clock: Clock, seconds: float) -> None:
    """Wait for some seconds."""
    clock.sleep_until(clock.monotonic_ns() + ceil(seconds * _SECOND_NS))
