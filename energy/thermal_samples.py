"""A recorded power step as the table `thermal_samples`: power and temperature over time.

The thermal response depends on the power alone. So throttling, a clock that moves and other
processes are no faults here, as long as power and temperature were read.
"""

from collections import Counter
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..device.findings import is_disturbed
from ..device.nvml import ENERGY, POWER_INSTANT, SM_CLOCK, TEMP_GPU
from ..stats.arrays import Float64
from ..store.provenance import EnergySource
from ..store.recording import Recording, raw_file
from ..store.tables.parquet import table_from_columns
from .counter import counter_edges
from .faults import (
    CAPPED_SHARE,
    WITHOUT_COUNTER,
    Fault,
    fault_of,
    faults,
    own_processes,
    power_capped_share,
)
from .power_log import POWER_LOG, PowerLog, read_power_log
from .readings import Unusable
from .window import steady_window

NO_TEMPERATURE: Final = "the sensors read no temperature"
_MAX_GAP_S: Final = 5.0  # longest time between two known powers
_HARMFUL: Final = (
    *(Fault.NOT_RECORDED, Fault.NO_PERMISSION, Fault.GPU_LOST, Fault.READ_FAILED),
    *(Fault.COUNTER_RESET, Fault.IMPLAUSIBLE, Fault.POWER_FROZEN, Fault.SUSPENDED),
)
# Faults that change the power of a load: poles are fitted to it all the same, leakage is not.
_DISTURBING: Final = {Fault.FOREIGN_PROCESS, Fault.THERMAL_THROTTLING, Fault.POWER_BRAKE}
_SPREADING_NS: Final = 2_000_000_000  # after the load begins, until the heat has spread

Bools = npt.NDArray[np.bool_]


def thermal_samples(folder: Path, recording: Recording) -> pa.Table:
    """The table `thermal_samples` of a recorded step; one row with the reason where it failed.

    Raises BadInput where the log is missing, changed, or no power log.
    """
    if recording.failures:
        return _failed(recording, recording.failures[0].reason)
    log = read_power_log(raw_file(folder, recording, POWER_LOG))
    reason = why_unusable(log)
    if reason is not None:
        return _failed(recording, reason)
    time_ns, power_w, source = _powers(log)
    temperature = log.series(TEMP_GPU).good()
    read_ns = (temperature.begin_ns + temperature.end_ns) / 2
    columns = {
        "recording": [recording.unit] * len(time_ns),
        "time_ns": time_ns.astype(np.int64),
        "source": [EnergySource.SIMULATED if log.simulated else source] * len(time_ns),
        "power_w": power_w,
        "temp_c": temperature.value[_nearest(read_ns, time_ns)],
        "steady": _steady(log, recording, time_ns),
    }
    return table_from_columns("thermal_samples", columns)


def why_unusable(log: PowerLog) -> str | None:
    """Why no thermal response can be fitted to a step's log; None where it can."""
    temperature = log.series(TEMP_GPU).good()
    if len(temperature) < 2:
        return NO_TEMPERATURE
    begin_ns, end_ns = int(temperature.begin_ns[0]), int(temperature.end_ns[-1])
    found = faults(log, begin_ns, end_ns, processes=0)
    harmful = next((fault for fault in found if fault in _HARMFUL), None)
    if harmful is not None:
        return harmful
    time_ns, _, source = _powers(log)
    if not len(time_ns):
        return Unusable.TOO_FEW_TICKS if source == EnergySource.NVML_COUNTER else found[0]
    gaps_ns = np.diff(np.concatenate([[begin_ns], time_ns, [end_ns]]))
    return Unusable.STUCK if gaps_ns.max() > _MAX_GAP_S * 1e9 else None


def _powers(log: PowerLog) -> tuple[Float64, Float64, EnergySource]:
    """Times on the log's clock, ns, the mean power from each to the next, W, and its source.

    Power is that between neighbouring edges of the counter, or instant power where NVML has no
    counter for this GPU.
    """
    counter = log.series(ENERGY)
    if any(fault_of(code) in WITHOUT_COUNTER for code in np.unique(counter.code).tolist()):
        power = log.series(POWER_INSTANT).good()
        return (power.begin_ns + power.end_ns) / 2, power.value / 1000, EnergySource.NVML_POWER
    edges = counter_edges(counter)
    return edges.time_ns[:-1], edges.powers_w(), EnergySource.NVML_COUNTER


def _steady(log: PowerLog, recording: Recording, time_ns: Float64) -> Bools:
    """Whether a load ran undisturbed from each time to the next, at the clock of most such loads.

    A load counts from the moment at which its power had settled, as for its energy, but not before
    two seconds have passed since the first load began.
    """
    steady = np.zeros(len(time_ns), np.bool_)
    alone = [load for load in recording.loads if not is_disturbed(load.surroundings)]
    windows = [steady_window(log.series(ENERGY), load)[0] for load in alone]
    processes = own_processes(recording.provenance)
    clocks = [_clock_mhz(log, one.begin_ns, one.end_ns, processes) for one in windows]
    if not any(clocks):
        return steady
    usual = Counter(filter(None, clocks)).most_common(1)[0][0]
    first_ns = min(load.marks_ns[0] for load in recording.loads) + _SPREADING_NS
    for window, clock in zip(windows, clocks, strict=True):
        if clock == usual:
            begun = time_ns[:-1] >= max(window.begin_ns, first_ns)
            steady[:-1] |= begun & (time_ns[1:] <= window.end_ns)
    return steady


def _clock_mhz(log: PowerLog, begin_ns: int, end_ns: int, processes: int) -> float | None:
    """The SM clock of an undisturbed window, MHz; None where it moved or was not read."""
    clocks = np.unique(log.series(SM_CLOCK).between(begin_ns, end_ns).good().value)
    capped = (power_capped_share(log, begin_ns, end_ns) or 0.0) > CAPPED_SHARE
    disturbed = _DISTURBING.intersection(faults(log, begin_ns, end_ns, processes))
    return float(clocks[0]) if len(clocks) == 1 and not (capped or disturbed) else None


def _nearest(known_ns: Float64, asked_ns: Float64) -> npt.NDArray[np.intp]:
    """Index of the known time nearest to each asked time; both ascend."""
    after = np.clip(np.searchsorted(known_ns, asked_ns), 1, len(known_ns) - 1)
    before_is_nearer = asked_ns - known_ns[after - 1] < known_ns[after] - asked_ns
    return after - before_is_nearer


def _failed(recording: Recording, reason: str) -> pa.Table:
    columns = {
        "recording": [recording.unit],
        "source": [EnergySource.UNAVAILABLE],
        "failure": [reason],
    }
    return table_from_columns("thermal_samples", columns)
