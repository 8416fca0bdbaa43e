"""A host clock for tests: its time passes when somebody sleeps on it, and no real time does."""

from moeprof.tests.builders import EPOCH_NS

_CALL_NS = 1000  # what reading the clock takes, so that a loop until a deadline ends


class FakeClock:
    def __init__(self) -> None:
        self._now_ns = 0

    def monotonic_ns(self) -> int:
        self._now_ns += _CALL_NS
        return self._now_ns

    def epoch_ns(self) -> int:
        return EPOCH_NS + self._now_ns

    def boot_ns(self) -> int:
        return self._now_ns

    def sleep_until(self, time_ns: int) -> None:
        self._now_ns = max(self._now_ns, time_ns)

    def advance(self, seconds: float) -> None:
        self._now_ns += round(seconds * 1e9)
