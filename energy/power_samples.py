"""Power over time as the table `power_samples`: from a power log into it, and out of it again."""

import numpy as np
import pyarrow as pa

from ..device.nvml import ENERGY, POWER_INSTANT, TEMP_GPU
from ..store.tables import table_from_columns
from .counter import counter_edges
from .power_log import PowerLog, Series


def power_samples(log: PowerLog, recording: str | None) -> pa.Table:
    """The instant power of a log, a row each reading that succeeded, times since the epoch.

    RAPL has none: there a row is the mean power between two edges of the counter, at its end.
    `temp_c` is the last temperature read until then, null before the first. `gpu` is null: a log
    knows its GPU by UUID, and the table by a profiler's number.
    """
    power, temperature = log.series(POWER_INSTANT).good(), log.series(TEMP_GPU).good()
    if log.sensor == "rapl":
        power = _between_edges(log.series(ENERGY))
    last = np.searchsorted(temperature.begin_ns, power.end_ns, side="right") - 1
    known = np.append(temperature.value, np.nan)[last]  # -1: none yet
    columns = {
        "recording": [recording] * len(power),
        "time_ns": log.epoch_ns((power.begin_ns + power.end_ns) // 2),
        "source": [_source(log)] * len(power),
        "power_w": power.value / 1000,
        "averaged": [None if log.sensor == "rapl" else False] * len(power),
        "temp_c": pa.array(known, from_pandas=True),
    }
    return table_from_columns("power_samples", columns)


def _source(log: PowerLog) -> str:
    if log.simulated:
        return "simulated"
    return "rapl" if log.sensor == "rapl" else "nvml_power"


def _between_edges(counter: Series) -> Series:
    """Mean power between each two edges of a counter, mW."""
    edges = counter_edges(counter)
    ends_ns = edges.time_ns[1:].astype(np.int64)
    power_mw = edges.powers_w() * 1000 if len(edges) else np.zeros(0)
    return Series(ends_ns, ends_ns, np.zeros(len(ends_ns), np.int64), power_mw)


def power_readings(samples: pa.Table) -> Series:
    """Power readings, mW, of `power_samples` of one GPU and one source, for the estimators.

    Times are the table's. Rows may stand in any order; null power is left out.
    """
    return _readings(samples, "power_w", 1000)


def temperature_readings(samples: pa.Table) -> Series:
    """Temperature readings, degC, as `power_readings` gives power."""
    return _readings(samples, "temp_c", 1)


def _readings(samples: pa.Table, column: str, scale: float) -> Series:
    rows = samples.select(["time_ns", column]).drop_null().sort_by("time_ns")
    time_ns = rows.column("time_ns").to_numpy().astype(np.int64)
    value = rows.column(column).to_numpy().astype(np.float64) * scale
    return Series(time_ns, time_ns, np.zeros(len(time_ns), np.int64), value)
