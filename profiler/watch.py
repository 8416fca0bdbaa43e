"""Looks at what goes on beside a measurement: on a GPU by NVML, else on the host's processors."""

import os
from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Final, Protocol

from ..device import surroundings
from ..device.nvml import Sensors, nvml
from ..device.surroundings import CpuMoment
from ..store.errors import CannotMeasure
from ..store.provenance import Gpu, Surroundings
from .host_clock import SYSTEM_CLOCK, Clock, sleep_s

LOOK_S: Final = 0.5
_ENOUGH_S: Final = 0.2  # twenty ticks

Look = Callable[[], Surroundings | None]


class Watch(Protocol):
    """Sees what goes on beside us on one device."""

    def begin(self, processes: Collection[int] = ()) -> Look:
        """Begin to look; the call of what this gives ends it and tells what was seen.

        `processes` are those that measure for this process: they are none of the others. One of
        them at most computes on a GPU.
        """
        ...


class NoWatch:
    """Looks at nothing."""

    def begin(self, processes: Collection[int] = ()) -> Look:
        """Give what tells of nothing."""
        return lambda: None


NO_WATCH: Final = NoWatch()


class CpuWatch:
    """Looks at the processors that this process may run on.

    A look that ends sooner than the kernel's ticks can tell reaches back before its beginning: as
    far as the next earlier one of the same processes that is old enough.
    """

    def __init__(self) -> None:
        self._ours: tuple[int, ...] = ()
        self._begun: deque[CpuMoment] = deque()

    def begin(self, processes: Collection[int] = ()) -> Look:
        """Look at them from now on."""
        ours = (os.getpid(), *processes)
        if ours != self._ours:
            self._ours = ours
            self._begun.clear()
        self._begun.append(surroundings.cpu_moment(ours))
        return self._look

    def _look(self) -> Surroundings:
        after = surroundings.cpu_moment(self._ours)
        while len(self._begun) > 1 and self._begun[1].time_s <= after.time_s - _ENOUGH_S:
            self._begun.popleft()
        return surroundings.beside_us_on_cpu(self._begun[0], after)


@dataclass(frozen=True, slots=True)
class GpuWatch:
    """Looks at one GPU."""

    sensors: Sensors

    def begin(self, processes: Collection[int] = ()) -> Look:
        """Look at it from now on."""
        before, own = surroundings.gpu_moment(self.sensors), 1 if processes else 0

        def look() -> Surroundings:
            after = surroundings.gpu_moment(self.sensors)
            return surroundings.beside_us_on_gpu(before, after, own)

        return look


@dataclass(frozen=True, slots=True)
class BesideSweep:
    """Another watch that says of all that it sees that another sweep has the device."""

    watch: Watch

    def begin(self, processes: Collection[int] = ()) -> Look:
        """Look as the other watch does."""
        look = self.watch.begin(processes)
        return lambda: replace(look() or Surroundings(), beside_sweep=True)


@contextmanager
def watch_of(gpu: Gpu | None) -> Iterator[Watch]:
    """Give a watch of a GPU, None for the processors; one that sees nothing where NVML does not.

    That is so without NVML, and in MIG mode, where it shows the whole board.
    """
    with ExitStack() as stack:
        if gpu is None:
            yield CpuWatch()
            return
        try:
            watch: Watch = GpuWatch(Sensors(stack.enter_context(nvml()), gpu.uuid))
        except CannotMeasure:
            watch = NO_WATCH
        yield watch


def look_around(watch: Watch, clock: Clock = SYSTEM_CLOCK) -> Surroundings | None:
    """Look for a moment, while nothing of ours measures."""
    look = watch.begin()
    sleep_s(clock, LOOK_S)
    return look()
