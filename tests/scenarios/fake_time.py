"""The module `time` for a script under test: its clock moves only when something advances it."""


class FakeTime:
    """All clocks show the same time, which `advance` and `sleep` move."""

    def __init__(self) -> None:
        self._now_ns = 1_000_000_000

    def advance(self, seconds: float) -> None:
        self._now_ns += round(seconds * 1e9)

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def monotonic_ns(self) -> int:
        return self._now_ns

    def monotonic(self) -> float:
        return self._now_ns / 1e9

    time_ns = perf_counter_ns = thread_time_ns = monotonic_ns
    perf_counter = monotonic
