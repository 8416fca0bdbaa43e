"""How long repeats take, one after the other."""

from statistics import fmean

from ..host_clock import Clock, monotonic_s


class Stopwatch:
    """Lengths of the repeats so far, on the monotonic clock, in seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began_s: float | None = None
        self._lengths_s: list[float] = []

    @property
    def is_running(self) -> bool:
        """Whether a repeat has begun and not ended."""
        return self._began_s is not None

    @property
    def mean_s(self) -> float:
        """Mean length; 0 before the first."""
        return fmean(self._lengths_s) if self._lengths_s else 0.0

    def now_s(self) -> float:
        """Time of the clock."""
        return monotonic_s(self._clock)

    def start(self) -> None:
        """Begin a repeat."""
        self._began_s = self.now_s()

    def stop(self) -> None:
        """End the repeat that has begun, if there is one."""
        if self._began_s is not None:
            self._lengths_s.append(self.now_s() - self._began_s)
            self._began_s = None
