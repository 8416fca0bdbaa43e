"""Power logs made in memory: a GPU that does what a test says, on a clock that begins at 0."""

from collections.abc import Mapping

import numpy as np

from moeprof.device.nvml import ENERGY, POWER_INSTANT, TEMP_GPU
from moeprof.energy.power_log import CLOCK_BOOT, CLOCK_EPOCH, PowerLog, Series

MS = 1_000_000
S = 1_000_000_000
EPOCH_NS = 1_700_000_000 * S


def series(time_ns: object, value: object, code: int = 0) -> Series:
    """Readings that took no time."""
    times = np.asarray(time_ns, np.int64)
    values = np.broadcast_to(np.asarray(value, np.float64), times.shape).copy()
    return Series(times, times, np.full(len(times), code), values)


def counter(
    power_w: float = 480.0, seconds: float = 10.0, update_ms: float = 100.0, poll_ms: float = 1.0
) -> Series:
    """A counter at constant power that is polled all the time."""
    time_ms = np.arange(0, seconds * 1000, poll_ms)
    refreshed_ms = np.floor(time_ms / update_ms + 1e-9) * update_ms
    return series(time_ms * MS, np.floor(refreshed_ms * power_w) + 1e6)


def steady_log(
    replaced: Mapping[str, Series] | None = None, *, name: str = "GPU", seconds: int = 10
) -> PowerLog:
    """Ten seconds at 480 W and 60 degC; `replaced` puts other readings in place of some."""
    each_100_ms = np.arange(0, seconds * S, 100 * MS)
    each_s = np.arange(0, (seconds + 1) * S, S)
    readings = {
        ENERGY: counter(seconds=seconds),
        POWER_INSTANT: series(each_100_ms, 480e3 + np.arange(len(each_100_ms)) % 3),
        TEMP_GPU: series(each_100_ms, 60),
        CLOCK_EPOCH: series(each_s, each_s + EPOCH_NS),
        CLOCK_BOOT: series(each_s, each_s),
    }
    return PowerLog("GPU-1", name, readings | dict(replaced or {}))
