"""A recorded step in power as the table `thermal_samples`: power and temperature over time.

Heat does not care what the power is of: throttling, a clock that moves or another process do a step
no harm, as long as its power and its temperature were read.
"""

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..device.nvml import ENERGY, POWER_INSTANT, TEMP_GPU
from ..store.recording import Recording, raw_file
from ..store.tables import table_from_columns
from .energy import Unusable, counter_edges
from .power_faults import CODES, Fault, faults
from .power_loads import POWER_LOG
from .power_log import PowerLog, read_power_log

THERMAL: Final = "thermal"  # the collector whose recording is a step in power
NO_TEMPERATURE: Final = "the sensors read no temperature"
_LONGEST_GAP_S: Final = 5.0  # between two powers, which a cooling GPU bears unseen
_WITHOUT_COUNTER: Final = frozenset(
    code for code, fault in CODES.items() if fault in (Fault.NOT_SUPPORTED, Fault.TOO_OLD)
)
_HARMFUL: Final = (
    *(Fault.NOT_RECORDED, Fault.NO_PERMISSION, Fault.GPU_LOST, Fault.READ_FAILED),
    *(Fault.COUNTER_RESET, Fault.POWER_FROZEN, Fault.SUSPENDED),
)

Floats = npt.NDArray[np.float64]


def thermal_samples(folder: Path, recording: Recording) -> pa.Table:
    """Give the table `thermal_samples` of a recorded step; of one that failed, its reason.

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
        "source": ["simulated" if log.simulated else source] * len(time_ns),
        "power_w": power_w,
        "temp_c": temperature.value[_nearest(read_ns, time_ns)],
    }
    return table_from_columns("thermal_samples", columns)


def why_unusable(log: PowerLog) -> str | None:
    """Why a step's log tells nothing of heat; None where it does."""
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
        return Unusable.TOO_FEW_TICKS if source == "nvml_counter" else found[0]
    gaps_ns = np.diff(np.concatenate([[begin_ns], time_ns, [end_ns]]))
    return Unusable.STUCK if gaps_ns.max() > _LONGEST_GAP_S * 1e9 else None


def _powers(log: PowerLog) -> tuple[Floats, Floats, str]:
    """Times on the log's clock, ns, the mean power from each to the next, W, and its source.

    Between two edges of the counter it is exact; instant power stands in where there is no counter.
    """
    counter = log.series(ENERGY)
    if _WITHOUT_COUNTER.intersection(counter.code.tolist()):
        power = log.series(POWER_INSTANT).good()
        return (power.begin_ns + power.end_ns) / 2, power.value / 1000, "nvml_power"
    edges = counter_edges(counter)
    return edges.time_ns[:-1], edges.powers_w(), "nvml_counter"


def _nearest(known_ns: Floats, asked_ns: Floats) -> npt.NDArray[np.intp]:
    """Which of the known times lies nearest to each that is asked for; both ascend."""
    after = np.clip(np.searchsorted(known_ns, asked_ns), 1, len(known_ns) - 1)
    before_is_nearer = asked_ns - known_ns[after - 1] < known_ns[after] - asked_ns
    return after - before_is_nearer


def _failed(recording: Recording, reason: str) -> pa.Table:
    columns = {"recording": [recording.unit], "source": ["unavailable"], "failure": [reason]}
    return table_from_columns("thermal_samples", columns)
