"""The device after a load: what it draws, and at which clock, while nothing runs on it."""

import sys
from typing import Final

import numpy as np

from ....device.identity import choose_device
from ....device.nvml import ENERGY, POWER_INSTANT, SM_CLOCK, TEMP_GPU
from ....doctor.sensor_probe import LOAD
from ....energy.counter import counter_edges, edge_to_edge_power_w
from ....energy.power_log import POWER_LOG, PowerLog, read_power_log
from ....energy.readings import mean_power_w
from ....profiler.host_clock import SYSTEM_CLOCK, sleep_s
from ....profiler.lock import device_lock
from ....profiler.power.sensors import open_recorder
from ....profiler.process.line_process import LineProcess
from ....stats.measured import Measured
from ....store.errors import CannotMeasure
from ....store.files import write_whole
from ...measure.resolve import describe_here
from ..results import Facts
from ..work import Work

_START_S: Final = 60.0
_LOAD_S: Final = 1.5
_WATCH_S: Final = 8.0
_END_S: Final = 5.0
_CLOCKS: Final = 12  # readings of the clock that are told


def watch_idle(work: Work) -> Facts:
    """Load the GPU for a moment, then record its sensors. Raises CannotMeasure without a GPU."""
    device = choose_device(None)
    here = describe_here(device, threads=1)
    if here.gpu is None:
        raise CannotMeasure("there is no GPU, and NVML measures no CPU")
    path = work.folder / "idle" / POWER_LOG
    write_whole(path, "")  # makes its folder
    with device_lock(here.gpu, "selftest") as locks:
        command = [sys.executable, "-P", str(LOAD), device]
        with LineProcess(command, kept_fds=locks) as load:
            load.answer(min(_START_S, max(work.left_s(), 1.0)))
            sleep_s(SYSTEM_CLOCK, _LOAD_S)
            load.finish(_END_S)
        with open_recorder(here, path):
            sleep_s(SYSTEM_CLOCK, min(_WATCH_S, max(work.left_s() - 2, 1.0)))
    return {"device": device} | _idle(read_power_log(path))


def _idle(log: PowerLog) -> Facts:
    """Power and clocks in the second half of a log, when what the load left has decayed."""
    times = log.series(ENERGY)
    end_ns = int(times.end_ns[-1])
    middle_ns = (int(times.begin_ns[0]) + end_ns) // 2
    power = edge_to_edge_power_w(times, middle_ns, end_ns)
    if power.value is None:
        power = mean_power_w(log.series(POWER_INSTANT), middle_ns, end_ns)
    clock = log.series(SM_CLOCK).good()
    temperature = log.series(TEMP_GPU).good()
    steps = np.linspace(0, max(len(clock) - 1, 0), min(_CLOCKS, len(clock))).astype(int)
    return {
        "power_w": power.value,
        "power_reason": power.reason,
        "power_spread": _spread(log, middle_ns, end_ns, power),
        "sm_clock_mhz": clock.value[steps].tolist(),
        "sm_clock_s": ((clock.begin_ns[steps] - times.begin_ns[0]) / 1e9).tolist(),
        "temp_c": float(temperature.value[-1]) if len(temperature) else None,
    }


def _spread(log: PowerLog, begin_ns: int, end_ns: int, power: Measured) -> float | None:
    """Standard deviation of the power of the counter's ticks over their mean; None without."""
    ticks_w = counter_edges(log.series(ENERGY).between(begin_ns, end_ns)).powers_w()
    return float(np.std(ticks_w) / power.value) if len(ticks_w) > 1 and power.value else None
