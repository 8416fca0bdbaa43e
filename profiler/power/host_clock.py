"""The host's clocks, by which a recording of sensors lives."""

import time
from typing import Final, Protocol

_SECOND_NS: Final = 1_000_000_000


class Clock(Protocol):
    """The times that a recorder lives by, all in ns; tests have one that they turn themselves."""

    def monotonic_ns(self) -> int:
        """Time that never jumps."""

    def epoch_ns(self) -> int:
        """Time since the epoch, as the host believes."""

    def boot_ns(self) -> int:
        """Time since boot, with the time that the machine was suspended."""

    def sleep_until(self, time_ns: int) -> None:
        """Wait until `monotonic_ns` is at least `time_ns`."""


class SystemClock:
    """The host's clocks."""

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
        """Sleep; returns at once where the time is past."""
        left_ns = time_ns - time.monotonic_ns()
        if left_ns > 0:
            time.sleep(left_ns / _SECOND_NS)
