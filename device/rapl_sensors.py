"""The host's processor packages as one sensor, with the methods of a GPU's sensors."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..store.errors import CannotMeasure
from .nvml import ENERGY, NvmlCode, Reading
from .rapl import Package, energy_between_uj, packages
from .rapl_perf import PerfCounter, open_counters


class RaplSensors:
    """Sum of the packages' counters, in mJ since this object was made; wraps are corrected.

    It has the methods of `nvml.Sensors`; RAPL has a reading for `energy` alone.
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
            return (Reading(ENERGY, NvmlCode.UNKNOWN, None),)
        for counter, before, after in zip(self._counters, self._last_uj, now_uj, strict=True):
            self._total_uj += (
                energy_between_uj(counter, before, after)
                if isinstance(counter, Package)
                else after - before
            )
        self._last_uj = now_uj
        return (Reading(ENERGY, NvmlCode.SUCCESS, self._total_uj // 1000),)

    def nothing(self) -> tuple[Reading, ...]:
        """Return no reading: RAPL has no such sensor."""
        return ()

    fields = temperature = sm_clock = memory_clock = event_reasons = nothing
    power_limit = power_usage = compute_processes = nothing


@contextmanager
def rapl_sensors() -> Iterator[RaplSensors]:
    """Yield the host's packages by powercap, or by perf where powercap is unavailable.

    Raises CannotMeasure where both are.
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
