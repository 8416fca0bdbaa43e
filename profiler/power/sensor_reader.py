"""Reads a device's sensors while a load keeps the device busy.

Energy comes from a counter that changes about ten times a second, and its time is known exactly
only at the moment of change. So the reader sleeps until shortly before the next tick, polls every
half millisecond until the counter changes, reads everything else once, and sleeps again: some
hundred calls of NVML a second. Where a call takes longer than a prediction is worth, it polls the
counter all the time.

Where NVML is lost, reading goes on: each failed reading is a row with NVML's code. energy/faults.py
turns these codes into the reason why a load has no energy.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from ...device.nvml import Reading, Sensors
from ...device.rapl_sensors import RaplSensors
from ..host_clock import Clock
from .sensor_log import Row
from .ticks import SEARCH_NS, Burst, TickPredictor

_SECOND_NS: Final = 1_000_000_000
_WITHOUT_COUNTER_NS: Final = 20_000_000  # between two readings of power where there is no counter
_PROBE_NS: Final = 1_000_000  # between two readings of the counter in a probe
_PROBE_POWER_NS: Final = 5_000_000  # between two readings of power in a probe
_STATE_NS: Final = (75_000_000, 100_000_000)  # between two readings of the rest: min and max
_STATE_SHARE: Final = 0.2  # share of the time that reads the rest; more misses edges
_SLOW_CALL_NS: Final = 1_500_000  # an edge is no closer than two calls: 3 ms
# Polls at even times would see each edge late by almost the same, or by a little more each time,
# which looks like another power. So they are uneven, by steps of the golden section.
_UNEVEN_NS: Final = 5_000_000
_GOLDEN: Final = 0.618
_LAST_CALLS: Final = 16  # calls of the counter; the shortest shows NVML's own speed on a busy host


class SensorReader:
    """Reads `sensors` at each tick of their energy counter, and keeps every reading."""

    def __init__(self, sensors: Sensors | RaplSensors, clock: Clock) -> None:
        self._sensors = sensors
        self._clock = clock
        self._ticks = TickPredictor()
        self._energy_mj: int | None = None
        self._state_next_ns = 0
        self._state_due_ns = 0
        self._second_due_ns = 0
        self._uneven = 0.0
        self._calls_ns: deque[int] = deque(maxlen=_LAST_CALLS)
        self.rows: list[Row] = []
        self.calls = 0

    def record(self, until: Callable[[], bool]) -> None:
        """Read at each tick until `until()` is true; it is called ten times a second or more often.

        `rows` grows meanwhile; `calls` counts calls of NVML.
        """
        while not until():
            burst = self._ticks.plan(self._clock.monotonic_ns())
            if burst is None or self._is_slow:
                self._search()
            else:
                self._catch(burst)
        self._once_a_second(force=True)

    def probe(self, until: Callable[[], bool]) -> None:
        """Read the counter every 1 ms and power every 5 ms until `until()` is true.

        This shows the update periods of both without a prediction of ticks; it takes a tenth of a
        core.
        """
        power_due_ns = 0
        while not until():
            begin_ns = self._clock.monotonic_ns()
            self._call(self._sensors.energy)
            if begin_ns >= self._state_due_ns:
                self._read_state()
            elif begin_ns >= power_due_ns:
                self._call(self._sensors.fields)
                power_due_ns = begin_ns + _PROBE_POWER_NS
            self._clock.sleep_until(begin_ns + _PROBE_NS)
        self._once_a_second(force=True)

    def _search(self) -> None:
        """Poll once while the ticks are not known; less often where there is no counter."""
        begin_ns = self._clock.monotonic_ns()
        code, changed = self._poll_energy()
        if changed:
            self._ticks.edge(self._clock.monotonic_ns())
        if changed or begin_ns >= self._state_due_ns:
            self._read_state()
        elif code != 0:
            self._call(self._sensors.fields)
        if code != 0:
            self._clock.sleep_until(begin_ns + _WITHOUT_COUNTER_NS)
        elif self._is_slow:
            self._uneven = (self._uneven + _GOLDEN) % 1
            self._clock.sleep_until(self._clock.monotonic_ns() + int(self._uneven * _UNEVEN_NS))
        else:
            self._clock.sleep_until(begin_ns + SEARCH_NS)

    def _catch(self, burst: Burst) -> None:
        """Poll closely around a predicted tick; the first poll gives the value before it.

        Where the value has changed at the first poll already, the tick was missed: two more polls
        show whether the counter changes all the time, else the next burst is awaited.
        """
        self._clock.sleep_until(burst.begin_ns)
        code, passed = self._poll_energy()
        late = passed and burst.every_tick
        changed = False
        deadline_ns = burst.begin_ns + 2 * burst.poll_ns if late else burst.deadline_ns
        while not (changed or code) and self._clock.monotonic_ns() < deadline_ns:
            self._clock.sleep_until(self._clock.monotonic_ns() + burst.poll_ns)
            code, changed = self._poll_energy()
        if changed:
            self._ticks.edge(self._clock.monotonic_ns())
        else:
            self._ticks.miss()
        if changed or late or self._clock.monotonic_ns() >= self._state_due_ns:
            self._read_state()

    @property
    def _is_slow(self) -> bool:
        return min(self._calls_ns, default=0) > _SLOW_CALL_NS

    def _poll_energy(self) -> tuple[int, bool]:
        """Read the counter: its return code, and whether it has changed since the last poll."""
        (reading,) = self._call(self._sensors.energy)
        self._calls_ns.append(self.rows[-1][1] - self.rows[-1][0])
        before, self._energy_mj = self._energy_mj, reading.value
        return reading.code, None not in (before, reading.value) and before != reading.value

    def _read_state(self) -> None:
        """Read everything but the counter, some ten times a second at most."""
        begin_ns = self._clock.monotonic_ns()
        if begin_ns < self._state_next_ns:
            return
        self._call(self._sensors.fields)
        self._call(self._sensors.temperature)
        self._call(self._sensors.sm_clock)
        self._call(self._sensors.event_reasons)
        now_ns = self._clock.monotonic_ns()
        pause_ns = int((now_ns - begin_ns) / _STATE_SHARE)
        self._state_next_ns = now_ns + max(_STATE_NS[0], pause_ns)
        self._state_due_ns = now_ns + max(_STATE_NS[1], pause_ns)
        self._once_a_second()

    def _once_a_second(self, *, force: bool = False) -> None:
        """Read the host's clocks and slow sensors where a second has passed, or with `force`."""
        now_ns = self._clock.monotonic_ns()
        if now_ns < self._second_due_ns and not force:
            return
        self._second_due_ns = now_ns + _SECOND_NS
        for name, clock_ns in (
            ("clock_epoch_ns", self._clock.epoch_ns),
            ("clock_boot_ns", self._clock.boot_ns),
        ):
            begin_ns = self._clock.monotonic_ns()
            value = clock_ns()
            self.rows.append((begin_ns, self._clock.monotonic_ns(), name, 0, value))
        self._call(self._sensors.memory_clock)
        self._call(self._sensors.power_usage)
        self._call(self._sensors.power_limit)
        self._call(self._sensors.compute_processes)

    def _call(self, sensor: Callable[[], tuple[Reading, ...]]) -> tuple[Reading, ...]:
        """Read one sensor; a reading that fails is a row too, with its code and no value."""
        begin_ns = self._clock.monotonic_ns()
        readings = sensor()
        end_ns = self._clock.monotonic_ns()
        self.calls += 1
        self.rows += [(begin_ns, end_ns, *reading) for reading in readings]
        return readings
