"""Where a monitor's readings come from: what a source gives, and the source that has none."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ...device.nvml import Reading


class Row(NamedTuple):
    """A reading, with the times before and after its call, ns on CLOCK_MONOTONIC."""

    begin_ns: int
    end_ns: int
    reading: Reading


Round = list[Row]  # what is read between two snapshots, in order of time; never empty


@dataclass(frozen=True, slots=True)
class Device:
    """What is watched: its name, and the sensor of its energy counter, "nvml" or "rapl"."""

    name: str
    sensor: str = "nvml"


class Pace(Protocol):
    """The clock of a monitor, and its wish to stop."""

    def now_ns(self) -> int:
        """CLOCK_MONOTONIC, ns."""
        ...

    def wait_until(self, time_ns: int) -> bool:
        """Wait until a time, or until the monitor is to stop: then it is True."""
        ...


class Source(Protocol):
    """Sensors that a monitor can read."""

    @property
    def device(self) -> Device:
        """What is watched."""
        ...

    def rounds(self, pace: Pace) -> Iterator[Round]:
        """Read until the monitor is to stop, or nothing is left to be read.

        Raises CannotMeasure where the sensors cannot be read now; they may be tried again.
        """
        ...


@dataclass(frozen=True, slots=True)
class NoSensors:
    """No source: a monitor over it says so, and why."""

    reason: str
