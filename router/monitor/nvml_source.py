"""Readings of one GPU by NVML, for as long as it is there.

The energy counter is read every 10 ms, so that each of its edges is known to that; the other
sensors once in a round of 100 ms, and what seldom changes once a second. That is some 170 calls a
second. A thread beside a busy interpreter is woken late: edges are then known less closely, and
observer.py takes no power from edges that are too loose.
"""

from collections.abc import Callable, Iterator
from typing import Final, Self

from ...device.gpus import gpus
from ...device.nvml import POWER_INSTANT, NvmlCode, Reading, Sensors, nvml
from ...store.errors import BadInput, CannotMeasure
from .source import Device, Pace, Round, Row

_POLL_NS: Final = 10_000_000
_ROUND_NS: Final = 100_000_000
_SECOND_NS: Final = 1_000_000_000


class NvmlSource:
    """Sensors of the GPU with this UUID ("GPU-…"), which need not be there now."""

    def __init__(self, uuid: str, name: str) -> None:
        self._uuid = uuid
        self.device = Device(name)

    @classmethod
    def of(cls, uuid: str | None = None) -> Self:
        """The source of one GPU, by default of the only one.

        Raises CannotMeasure where NVML or the GPU is not there, and for a GPU in MIG mode, whose
        sensors are those of the whole board; BadInput where there are several, and none is named.
        """
        seen = gpus()
        found = [gpu for gpu in seen if uuid in (None, gpu.uuid)]
        if not found:
            what = "no GPU" if uuid is None else f"no GPU {uuid}"
            raise CannotMeasure(f"NVML shows {what}", hint="run `moeprof doctor`")
        if len(found) > 1:
            raise BadInput(
                f"there are {len(found)} GPUs, and a monitor watches one",
                hint=f"name it by its UUID: {', '.join(gpu.uuid for gpu in found)}",
            )
        with nvml() as library:
            Sensors(library, found[0].uuid)
        return cls(found[0].uuid, found[0].name)

    def rounds(self, pace: Pace) -> Iterator[Round]:
        """Read until the monitor is to stop; open NVML anew after a round without any reading.

        Raises CannotMeasure where NVML or the GPU is not there.
        """
        while not pace.wait_until(0):
            with nvml() as library:
                yield from _until_lost(_Readings(Sensors(library, self._uuid), pace), pace)
            if pace.wait_until(pace.now_ns() + _SECOND_NS):
                return


def _until_lost(readings: "_Readings", pace: Pace) -> Iterator[Round]:
    """Rounds until the monitor is to stop, or until one in which no reading succeeded."""
    while not pace.wait_until(0):
        due_ns = pace.now_ns() + _ROUND_NS
        readings.read_state()
        while (now_ns := pace.now_ns()) < due_ns or not readings.has_energy:
            readings.read_energy()
            if pace.wait_until(min(now_ns + _POLL_NS, due_ns)):
                return
        done = readings.take()
        yield done
        if all(row.reading.code != NvmlCode.SUCCESS for row in done):
            return


class _Readings:
    """Reads sensors, and keeps the rows of a round."""

    def __init__(self, sensors: Sensors, pace: Pace) -> None:
        self._sensors = sensors
        self._pace = pace
        self._rows: Round = []
        self._seldom_due_ns = 0
        self.has_energy = False

    def read_energy(self) -> None:
        """Read the energy counter."""
        self._call(self._sensors.energy)
        self.has_energy = True

    def read_state(self) -> None:
        """Read the other sensors; those that seldom change once a second."""
        sensors = self._sensors
        self._call(sensors.temperature)
        codes = {reading.name: reading.code for reading in self._call(sensors.fields)}
        if codes[POWER_INSTANT] != NvmlCode.SUCCESS:
            self._call(sensors.power_usage)
        self._call(sensors.sm_clock)
        self._call(sensors.event_reasons)
        self._call(sensors.busy)
        self._call(sensors.memory)
        if self._pace.now_ns() >= self._seldom_due_ns:
            self._call(sensors.memory_clock)
            self._call(sensors.power_limit)
            self._call(sensors.slowdown_temperature)
            self._seldom_due_ns = self._pace.now_ns() + _SECOND_NS

    def take(self) -> Round:
        """Give the rows of the round, and begin the next."""
        rows, self._rows, self.has_energy = self._rows, [], False
        return rows

    def _call(self, sensor: Callable[[], tuple[Reading, ...]]) -> tuple[Reading, ...]:
        begin_ns = self._pace.now_ns()
        readings = sensor()
        end_ns = self._pace.now_ns()
        self._rows += [Row(begin_ns, end_ns, reading) for reading in readings]
        return readings
