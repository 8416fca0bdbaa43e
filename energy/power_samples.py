"""Power over time: from a power log to the table `power_samples`, and from that to readings."""

import numpy as np
import pyarrow as pa

from ..device.nvml import ENERGY, POWER_INSTANT, TEMP_GPU
from ..store.provenance import EnergySource
from ..store.tables.parquet import table_from_columns
from .counter import counter_edges
from .power_log import PowerLog, Series


def power_samples(log: PowerLog, recording: str | None) -> pa.Table:
    """The instant power of a log: one row for each successful reading, times since the epoch, ns.

    RAPL has no instant power: there a row is the mean power between two edges of the counter, at
    the later edge. `temp_c` is the last temperature read before the row, null before the first.
    `gpu` is null, because a log knows the UUID of its GPU and not the profiler's id.
    """
    power, temperature = log.series(POWER_INSTANT).good(), log.series(TEMP_GPU).good()
    if log.sensor == "rapl":
        power = _between_edges(log.series(ENERGY))
    last = np.searchsorted(temperature.begin_ns, power.end_ns, side="right") - 1
    known = np.append(temperature.value, np.nan)[last]  # index -1 is NaN: none was read before
    columns = {
        "recording": [recording] * len(power),
        "time_ns": log.epoch_ns((power.begin_ns + power.end_ns) // 2),
        "source": [_source(log)] * len(power),
        "power_w": power.value / 1000,
        "averaged": [None if log.sensor == "rapl" else False] * len(power),
        "temp_c": pa.array(known, from_pandas=True),
    }
    return table_from_columns("power_samples", columns)


def _source(log: PowerLog) -> EnergySource:
    if log.simulated:
        return EnergySource.SIMULATED
    return EnergySource.RAPL if log.sensor == "rapl" else EnergySource.NVML_POWER


def _between_edges(counter: Series) -> Series:
    """Mean power between neighbouring edges of a counter, mW, at the later edge."""
    edges = counter_edges(counter)
    ends_ns = edges.time_ns[1:].astype(np.int64)
    power_mw = edges.powers_w() * 1000 if len(edges) else np.zeros(0)
    return Series(ends_ns, ends_ns, np.zeros(len(ends_ns), np.int64), power_mw)


def power_readings(samples: pa.Table) -> Series:
    """Readings of power, mW, from rows of `power_samples` of one GPU and one source, by time.

    Times are those of the table. Rows may be in any order; those without power are left out.
    """
    return _readings(samples, "power_w", 1000)


def temperature_readings(samples: pa.Table) -> Series:
    """Readings of temperature, degC, from the same table, by time."""
    return _readings(samples, "temp_c", 1)


def _readings(samples: pa.Table, column: str, scale: float) -> Series:
    rows = samples.select(["time_ns", column]).drop_null().sort_by("time_ns")
    time_ns = rows.column("time_ns").to_numpy().astype(np.int64)
    value = rows.column(column).to_numpy().astype(np.float64) * scale
    return Series(time_ns, time_ns, np.zeros(len(time_ns), np.int64), value)
