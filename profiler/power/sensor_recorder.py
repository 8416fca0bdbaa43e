"""Records a device's sensors while something else keeps the device busy. It only records.

Energy is read from a counter that changes about ten times a second, and is known exactly only at
the moment of change. So the recorder sleeps until shortly before the next tick, polls every half
millisecond until the counter changes, takes one reading of everything else, and sleeps again: some
hundred calls of NVML a second.

The log is CSV: a first line `# {"schema": …, "gpu": …, "name": …, "driver": …}`, a line of column
names, then one row per reading, in the order they were made:

    begin_ns, end_ns   CLOCK_MONOTONIC before and after the call
    reading            its name, which ends in its unit (device/nvml.py)
    code               NVML's return code; 0 is success
    value              an integer, empty where the code is not 0

Once a second the rows `clock_epoch_ns` and `clock_boot_ns` hold those two clocks: they align the
log with traces, and tell a suspended machine. energy/power_log.py reads it.
"""

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ...device.nvml import Reading, Sensors, gpu_by_uuid, nvml
from ...device.rapl_sensors import RaplSensors
from ...store.atomic import write_whole
from ...store.errors import CannotMeasure
from .host_clock import Clock, SystemClock
from .ticks import SEARCH_NS, Burst, TickPredictor

SCHEMA: Final = "moeprof.power_log/1.1"  # 1.1: the header may name its `sensor`. 1.0: the first
_SECOND_NS: Final = 1_000_000_000
_WITHOUT_COUNTER_NS: Final = 20_000_000  # between two readings of power where there is no counter
_SURVEY_NS: Final = 1_000_000  # between two readings of the counter in a survey
_SURVEYED_POWER_NS: Final = 5_000_000
_STATE_NS: Final = (75_000_000, 100_000_000)  # between two readings of the rest: least and most

Row = tuple[int, int, str, int, int | None]


class Recorder:
    """Reads `sensors` along the ticks of their energy counter, and keeps every reading."""

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
        """Record until `until()`, which is asked some ten times a second or more often.

        `rows` grows meanwhile; `calls` counts calls of NVML.
        """
        while not until():
            burst = self._ticks.plan(self._clock.monotonic_ns())
            if burst is None:
                self._search()
            else:
                self._catch(burst)
        self._once_a_second(force=True)

    def survey(self, until: Callable[[], bool]) -> None:
        """Read all the time until `until()`: the counter each millisecond, power each five.

        For measuring the periods of both, which `record` goes by; it takes a tenth of a core.
        """
        power_due_ns = 0
        while not until():
            begin_ns = self._clock.monotonic_ns()
            self._call(self._sensors.energy)
            if begin_ns >= self._state_due_ns:
                self._read_state()
            elif begin_ns >= power_due_ns:
                self._call(self._sensors.fields)
                power_due_ns = begin_ns + _SURVEYED_POWER_NS
            self._clock.sleep_until(begin_ns + _SURVEY_NS)
        self._once_a_second(force=True)

    def _search(self) -> None:
        """One poll while the ticks are not known; rarer where there is no counter to be read."""
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
        """Poll closely around a predicted tick. The first poll only says what the value was.

        Where it has changed by then the tick has passed, and no other is near, unless the counter
        changes all the time: two polls more tell.
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
        """Read everything but the counter, some ten times a second at most; some of it once."""
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
        begin_ns = self._clock.monotonic_ns()
        readings = sensor()
        end_ns = self._clock.monotonic_ns()
        self.calls += 1
        self.rows += [(begin_ns, end_ns, *reading) for reading in readings]
        return readings


Header = dict[str, str | None]
OpenSensors = Callable[[str], AbstractContextManager[tuple[Header, Sensors | RaplSensors]]]


@contextmanager
def nvml_sensors(uuid: str) -> Iterator[tuple[Header, Sensors]]:
    """Give the sensors of one GPU, and the first line of their log.

    Raises CannotMeasure where they cannot be had.
    """
    with nvml() as library:
        yield header(uuid), Sensors(library, uuid)


class PowerRecording:
    """Records the GPU `uuid` in a thread from entering to leaving, then writes the log to `path`.

    `open_sensors` gives other sensors than those of NVML. Raises CannotMeasure on entering where
    they cannot be had. Leaving writes the log also after an error, and raises BadInput where it
    cannot be written.
    """

    def __init__(self, uuid: str, path: Path, open_sensors: OpenSensors = nvml_sensors) -> None:
        self._opening = open_sensors(uuid)
        self._path = path
        self._stopped = threading.Event()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._header, sensors = stack.enter_context(self._opening)
            self._recorder = Recorder(sensors, SystemClock())
            self._opened = stack.pop_all()
        self._thread = threading.Thread(
            target=self._recorder.record, args=(self._stopped.is_set,), daemon=True
        )
        self._thread.start()
        return self

    @property
    def calls(self) -> int:
        """Calls of NVML so far."""
        return self._recorder.calls

    def rows(self) -> list[Row]:
        """What was recorded so far."""
        return list(self._recorder.rows)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._thread.join()
        self._opened.close()
        write_log(self._path, self._header, self._recorder.rows)


def header(uuid: str) -> Header:
    """First line of the log of one GPU. Raises CannotMeasure where NVML shows no such GPU."""
    gpu = gpu_by_uuid(uuid)
    if gpu is None:
        raise CannotMeasure(f"NVML shows no GPU {uuid}", hint="run `moeprof doctor`")
    return {"schema": SCHEMA, "gpu": gpu.uuid, "name": gpu.name, "driver": gpu.driver}


def write_log(path: Path, first: dict[str, str | None], rows: Iterable[Row]) -> None:
    """Write a power log, whole. Raises BadInput where `path` cannot be written."""
    lines = [f"# {json.dumps(first)}", "begin_ns,end_ns,reading,code,value"]
    lines += [
        f"{begin},{end},{name},{code},{'' if value is None else value}"
        for begin, end, name, code, value in rows
    ]
    write_whole(path, "\n".join(lines) + "\n")
