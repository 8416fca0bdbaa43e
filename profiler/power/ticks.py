"""Predicts when the energy counter changes next, from the times of its changes so far.

NVML updates its counter at a fixed period, about 100 ms, with an unknown phase. Polling it all the
time would take a whole core; with a prediction it is polled only around the changes.
"""

from dataclasses import dataclass
from typing import Final

SEARCH_NS: Final = 10_000_000  # between two polls while the ticks are not known yet
_POLLS_NS: Final = (500_000, 1_000_000)  # between two polls of a narrow burst, and of a wide one
_MARGIN_NS: Final = (1_000_000, 10_000_000)  # how early a burst begins: narrowest and widest
_NARROW_NS: Final = 2_000_000
_FOLLOWED_NS: Final = 80_000_000  # least time between two caught ticks: of faster ones, some pass
_MAX_MISSES: Final = 4  # bursts in a row without an edge, after which the search begins anew


@dataclass(frozen=True, slots=True)
class Burst:
    """When to poll for the next edge, and how often, in ns.

    `every_tick` says that the last seen tick is the one before the expected one: so if the value
    has changed when the burst begins, the expected tick has passed.
    """

    begin_ns: int
    deadline_ns: int
    poll_ns: int
    every_tick: bool


class TickPredictor:
    """Learns period and phase of a counter from its edges and misses, and plans the next burst.

    While the period is unknown there is no plan, and the counter is polled every `SEARCH_NS`.
    """

    def __init__(self) -> None:
        self._last_ns: int | None = None
        self._period_ns: float | None = None
        self._margin_ns = _MARGIN_NS[1]
        self._stride = 1
        self._misses = 0

    @property
    def period_ns(self) -> float | None:
        """Estimated period of the ticks, ns; None while searching."""
        return self._period_ns

    def plan(self, now_ns: int) -> Burst | None:
        """Plan the burst that is to catch the next edge; None while searching."""
        if self._period_ns is None or self._last_ns is None:
            return None
        ticks = max(self._stride, int((now_ns + self._margin_ns - self._last_ns) / self._period_ns))
        expected = self._last_ns + ticks * self._period_ns
        if expected - self._margin_ns < now_ns:
            expected += self._period_ns
        return Burst(
            begin_ns=int(expected - self._margin_ns),
            deadline_ns=int(expected + 2 * self._margin_ns),
            poll_ns=_POLLS_NS[self._margin_ns > _NARROW_NS],
            every_tick=self._stride == 1,
        )

    def edge(self, time_ns: int) -> None:
        """Learn from an edge, seen at `time_ns`."""
        if self._last_ns is not None:
            gap = time_ns - self._last_ns
            if self._period_ns is None:
                self._period_ns = float(gap)
            else:
                self._learn(gap, self._period_ns)
        self._last_ns = time_ns
        self._misses = 0

    def miss(self) -> None:
        """Widen the next burst after one that saw no edge; after `_MAX_MISSES` search anew."""
        self._misses += 1
        self._margin_ns = min(2 * self._margin_ns, _MARGIN_NS[1])
        self._stride = 1
        if self._misses >= _MAX_MISSES:
            self._last_ns = self._period_ns = None
            self._misses = 0

    def _learn(self, gap_ns: int, period_ns: float) -> None:
        """Correct the period by half of its error, and adapt the burst's margin to the error."""
        ticks = max(1, round(gap_ns / period_ns))
        error_ns = gap_ns - ticks * period_ns
        self._period_ns = period_ns + error_ns / (2 * ticks)
        narrowest = max(_MARGIN_NS[0], int(3 * abs(error_ns)))
        self._margin_ns = min(max(narrowest, self._margin_ns // 2), _MARGIN_NS[1])
        wanted = max(1, round(_FOLLOWED_NS / self._period_ns))
        self._stride = min(self._stride + 1, wanted)
