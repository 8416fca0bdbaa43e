"""When the energy counter will change next, from when it changed before.

NVML refreshes its counter at a fixed period, about 100 ms, at a phase that nobody tells. Whoever
polls all the time burns a core; this says when to look.
"""

from dataclasses import dataclass
from typing import Final

SEARCH_NS: Final = 10_000_000  # between two polls while the ticks are not known yet
_POLLS_NS: Final = (500_000, 1_000_000)  # between two polls of a narrow burst, and of a wide one
_MARGIN_NS: Final = (1_000_000, 10_000_000)  # how early a burst begins: narrowest and widest
_NARROW_NS: Final = 2_000_000
_FOLLOWED_NS: Final = 80_000_000  # ticks closer than this are followed every so many
_LOST: Final = 4  # bursts in a row without an edge


@dataclass(frozen=True, slots=True)
class Burst:
    """When to poll closely for the next edge, and how closely, ns.

    `every_tick`: the one expected is the next, so that a changed value at the beginning means that
    it has passed.
    """

    begin_ns: int
    deadline_ns: int
    poll_ns: int
    every_tick: bool


class TickPredictor:
    """Follows the ticks of a counter: told of each edge and each miss, it plans the next burst.

    While the period is not known there is no plan, and the counter is polled every `SEARCH_NS`.
    """

    def __init__(self) -> None:
        self._last_ns: int | None = None
        self._period_ns: float | None = None
        self._margin_ns = _MARGIN_NS[1]
        self._stride = 1
        self._misses = 0

    @property
    def period_ns(self) -> float | None:
        """Period of the ticks as believed now, None while searching."""
        return self._period_ns

    def plan(self, now_ns: int) -> Burst | None:
        """The burst that should catch the next edge worth following; None while searching."""
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
        """The counter changed at `time_ns`, as closely as it was polled."""
        if self._last_ns is not None:
            gap = time_ns - self._last_ns
            if self._period_ns is None:
                self._period_ns = float(gap)
            else:
                self._learn(gap, self._period_ns)
        self._last_ns = time_ns
        self._misses = 0

    def miss(self) -> None:
        """A burst saw no edge, or came after it. Four in a row, and the search begins anew."""
        self._misses += 1
        self._margin_ns = min(2 * self._margin_ns, _MARGIN_NS[1])
        self._stride = 1
        if self._misses >= _LOST:
            self._last_ns = self._period_ns = None
            self._misses = 0

    def _learn(self, gap_ns: int, period_ns: float) -> None:
        ticks = max(1, round(gap_ns / period_ns))
        error_ns = gap_ns - ticks * period_ns
        self._period_ns = period_ns + error_ns / (2 * ticks)
        narrowest = max(_MARGIN_NS[0], int(3 * abs(error_ns)))
        self._margin_ns = min(max(narrowest, self._margin_ns // 2), _MARGIN_NS[1])
        wanted = max(1, round(_FOLLOWED_NS / self._period_ns))
        self._stride = min(self._stride + 1, wanted)
