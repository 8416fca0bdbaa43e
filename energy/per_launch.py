"""What one steady load of the power pass cost, from its recording and the log of the sensors."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pyarrow as pa

from ..device.nvml import ENERGY
from ..store.provenance import Provenance
from ..store.recording import Load, Recording, raw_file
from ..store.table_schemas import SCHEMAS
from .counter import Measured, beats_with_sensor, update_period_s
from .external_meter import PowerMeter, by_meter
from .power_log import PowerLog, read_power_log
from .power_samples import power_samples
from .steady import power_moved, steady_window
from .window import WindowEnergy, window_energy

POWER_LOG: Final = "power.csv"
MIN_DUTY: Final = 0.98
NOT_BUSY: Final = f"the device was busy for less than {MIN_DUTY:.0%} of the load"
NOT_SETTLED: Final = "the power did not settle within the load"


@dataclass(frozen=True, slots=True)
class MeteredLoad:
    """A load and what it cost; `latency_us` is time per launch, None for a baseline.

    Where an external meter gave the cost, `sensor_power_w` is what the device's own sensor says.
    """

    load: Load
    cost: WindowEnergy
    latency_us: float | None
    sensor_power_w: float | None = None


def metered_loads(
    folder: Path, recording: Recording, meter: PowerMeter | None = None
) -> tuple[list[MeteredLoad], pa.Table]:
    """Measure each load of a recording; also give its log as a table `power_samples`.

    Power is that of the device's sensor, or of an external meter. A recording of a load that failed
    altogether has neither. Raises BadInput where the log is missing, changed, or no power log.
    """
    if not recording.loads:
        return [], SCHEMAS["power_samples"].empty_table()
    log = read_power_log(raw_file(folder, recording, POWER_LOG))
    processes = own_processes(recording.provenance)
    loads = [metered_load(log, load, processes, meter) for load in recording.loads]
    return [_marked_if_hot(one, recording) for one in loads], power_samples(log, recording.unit)


def own_processes(provenance: Provenance) -> int:
    """How many processes of our own compute on the device while a load runs, as NVML sees it."""
    return 0 if provenance.gpu is None else 1


def metered_load(
    log: PowerLog, load: Load, processes: int, meter: PowerMeter | None = None
) -> MeteredLoad:
    """Measure one load; `processes` of our own compute on the device."""
    counter = log.series(ENERGY)
    window, settled = steady_window(counter, load)
    cost = window_energy(log, window, processes)
    sensor_power_w = None if meter is None else cost.power_w.value
    if meter is not None:
        cost = by_meter(cost, log, window, meter)
    if cost.reason is None and not settled and len(counter.good()):
        cost = _without(cost, NOT_SETTLED)
    if cost.reason is None and load.duty is not None and load.duty < MIN_DUTY:
        cost = _without(cost, NOT_BUSY)
    moved = power_moved(counter, window)
    if cost.reason is None and moved is not None:
        cost = replace(cost, marks=(*cost.marks, moved))
    period_s = update_period_s(counter)
    if load.replay_s and period_s and beats_with_sensor(load.replay_s, period_s):
        words = f"its bursts of {load.replay_s * 1000:.3g} ms beat with the sensor's refreshes"
        cost = replace(cost, marks=(*cost.marks, words))
    if load.eager_reason is not None and processes:
        cost = replace(cost, marks=(*cost.marks, f"launched one by one: {load.eager_reason}"))
    per_launch_us = window.length_s * 1e6 / window.launches
    latency_us = per_launch_us if load.kind == "operation" else None
    return MeteredLoad(load, cost, latency_us, sensor_power_w)


def _marked_if_hot(one: MeteredLoad, recording: Recording) -> MeteredLoad:
    """Mark a load whose inputs were to be cold and fit into the cache that they rotate through."""
    cache_bytes = recording.provenance.cache_bytes or 0
    cold = {scenario.key for scenario in recording.scenarios if scenario.l2 == "cold"}
    if one.load.scenario_key not in cold or one.load.rotated_bytes >= cache_bytes:
        return one
    words = f"its inputs of {one.load.rotated_bytes >> 10} KiB fit into the cache"
    return replace(one, cost=replace(one.cost, marks=(*one.cost.marks, words)))


def _without(cost: WindowEnergy, reason: str) -> WindowEnergy:
    none = Measured(None, None, cost.power_w.n, reason)
    return replace(cost, power_w=none, energy_mj=none, source="unavailable")
