"""Reads a device's sensors while a load keeps the device busy.

Energy comes from a counter that changes about ten times a second, and its time is known exactly
only at the moment of change. So the reader sleeps until shortly before the next tick, polls every
half millisecond until the counter changes, reads everything else once, and sleeps again: some
hundred calls of NVML a second.

Where NVML is lost, reading goes on: each failed reading is a row with NVML's code. energy/faults.py
turns these codes into the reason why a load has no energy.
"""

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
        self.rows: list[Row] = []
        self.calls = 0

    def record(self, until: Callable[[], bool]) -> None:
        """Read at each tick until `until()` is true; it is called ten times a second or more often.

        `rows` grows meanwhile; `calls` counts calls of NVML.
        """
        while not until():
            burst = self._ticks.plan(self._clock.monotonic_ns())
            if burst is None:
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
        self._clock.sleep_until(begin_ns + (SEARCH_NS if code == 0 else _WITHOUT_COUNTER_NS))

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

    def _poll_energy(self) -> tuple[int, bool]:
        """Read the counter: its return code, and whether it has changed since the last poll."""
        (reading,) = self._call(self._sensors.energy)
        before, self._energy_mj = self._energy_mj, reading.value
        return reading.code, None not in (before, reading.value) and before != reading.value

    def _read_state(self) -> None:
        """Read everything but the counter, some ten times a second at most."""
        if self._clock.monotonic_ns() < self._state_next_ns:
            return
        self._call(self._sensors.fields)
        self._call(self._sensors.temperature)
        self._call(self._sensors.sm_clock)
        self._call(self._sensors.event_reasons)
        self._state_next_ns = self._clock.monotonic_ns() + _STATE_NS[0]
        self._state_due_ns = self._clock.monotonic_ns() + _STATE_NS[1]
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
