"""Metered loads of a power pass in order of time, with its reference loads."""

from moeprof.energy.per_launch import MeteredLoad, WindowEnergy
from moeprof.stats.measured import Measured
from moeprof.store.provenance import EnergySource
from moeprof.store.recording import Load

REFERENCE_W, REFERENCE_US, CLOCK_MHZ = 300.0, 9.0, 1755.0


def metered(
    at_s: float,
    power_w: float | None,
    latency_us: float = 100.0,
    *,
    key: str | None = "a",
    repeat: int = 0,
    clock_mhz: float | None = CLOCK_MHZ,
) -> MeteredLoad:
    """A load of the size `key`; None stands for the reference load."""
    kind = "reference" if key is None else "operation"
    load = Load(kind, key, repeat, (0, 1), (0, 1))  # type: ignore[arg-type]
    reason = "the GPU was slowed down by heat" if power_w is None else None
    power = Measured(power_w, None if reason else 0.1, 9, reason)
    source = EnergySource.UNAVAILABLE if reason else EnergySource.NVML_COUNTER
    cost = WindowEnergy(power, power.scaled(latency_us / 1000), None, None, source, (), ())
    return MeteredLoad(load, cost, latency_us, at_s, clock_mhz)


def reference(at_s: float, power: float | None = 1.0, time: float = 1.0) -> MeteredLoad:
    """A reference load, by its power and its time over the usual ones; no power is a fault."""
    watts = None if power is None else REFERENCE_W * power
    return metered(at_s, watts, REFERENCE_US * time, key=None)
