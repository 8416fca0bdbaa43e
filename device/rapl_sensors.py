"""The host's processor packages as one sensor, read as the sensors of a GPU are."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from ..store.errors import CannotMeasure
from .nvml import ENERGY, Reading
from .rapl import Package, energy_between_uj, packages
from .rapl_perf import PerfCounter, open_counters

UNREADABLE: Final = 999  # NVML's code of an unknown error: a reading failed


class RaplSensors:
    """The packages' counters added up, in mJ from when this was made; turns are counted.

    It has the readings of device/nvml.py, of which RAPL gives the energy alone.
    """

    def __init__(self, counters: Sequence[Package | PerfCounter]) -> None:
        self._counters = counters
        self._last_uj = [counter.energy_uj() for counter in counters]
        self._total_uj = 0

    def energy(self) -> tuple[Reading, ...]:
        """Energy of all packages, mJ."""
        try:
            now_uj = [counter.energy_uj() for counter in self._counters]
        except CannotMeasure:
            return (Reading(ENERGY, UNREADABLE, None),)
        for counter, before, after in zip(self._counters, self._last_uj, now_uj, strict=True):
            self._total_uj += (
                energy_between_uj(counter, before, after)
                if isinstance(counter, Package)
                else after - before
            )
        self._last_uj = now_uj
        return (Reading(ENERGY, 0, self._total_uj // 1000),)

    def nothing(self) -> tuple[Reading, ...]:
        """No reading: RAPL has no such sensor."""
        return ()

    fields = temperature = sm_clock = memory_clock = event_reasons = nothing
    power_limit = power_usage = compute_processes = nothing


@contextmanager
def rapl_sensors() -> Iterator[RaplSensors]:
    """Give the host's packages by powercap, or by perf where that is not to be had.

    Raises CannotMeasure where neither is.
    """
    try:
        sensors = RaplSensors(packages())
    except CannotMeasure as refusal:
        try:
            counters = open_counters()
        except CannotMeasure:
            raise refusal from None
        try:
            yield RaplSensors(counters)
        finally:
            for counter in counters:
                counter.close()
    else:
        yield sensors
