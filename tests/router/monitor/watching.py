"""A simulated GPU watched without a thread, on a clock that moves only as the monitor waits."""

from moeprof.router.monitor.nvml_source import NvmlSource
from moeprof.router.monitor.pressure import PressureLimits
from moeprof.router.monitor.snapshot import MonitorState, Snapshot
from moeprof.router.monitor.source import Source
from moeprof.router.monitor.watched import watched
from moeprof.tests.fakenvml import fake

STEADY = [(0, 300e3, 50.5, 1755, 0), (100, 300e3, 50.5, 1755, 0)]
BEFORE = Snapshot(0.0, MonitorState.STARTING, 0.0)


class VirtualPace:
    """The monitor's clock is the library's; the monitor is to stop at `until_s`."""

    def __init__(self, clock: fake.VirtualClock, until_s: float) -> None:
        self._clock = clock
        self._until_ns = until_s * 1e9

    def now_ns(self) -> int:
        return self._clock.monotonic_ns()

    def wait_until(self, time_ns: int) -> bool:
        self._clock.sleep_until(time_ns)
        return self.now_ns() >= self._until_ns


def watch(
    clock: fake.VirtualClock,
    until_s: float,
    source: Source | None = None,
    limits: PressureLimits | None = None,
) -> list[Snapshot]:
    """Every snapshot until a time; by default of the one GPU that NVML shows."""
    pace = VirtualPace(clock, until_s)
    limits = limits or PressureLimits()
    return list(watched(source or NvmlSource.of(), limits, pace, BEFORE))


def at(seen: list[Snapshot], time_s: float) -> Snapshot:
    """The last snapshot whose round began before a time."""
    return [snapshot for snapshot in seen if snapshot.at_s < time_s][-1]
