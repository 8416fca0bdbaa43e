"""A GPU's sensors, read at a high rate while another process keeps the GPU busy."""

import json
import sys
from pathlib import Path
from typing import Final

from ..energy.power_log import POWER_LOG, PowerLog, read_power_log
from ..profiler.host_clock import SYSTEM_CLOCK, Clock
from ..profiler.lock import Locks
from ..profiler.power.device_sensors import nvml_sensors
from ..profiler.power.sensor_log import write_log
from ..profiler.power.sensor_reader import SensorReader
from ..profiler.process.line_process import LineProcess
from ..store.disk.temporary import scratch_folder

LOAD: Final = Path(__file__).with_name("load.py")
_START_S: Final = 60.0  # torch and its CUDA context, from a cold disk
_END_S: Final = 5.0


def probe_under_load(
    device: str,
    seconds: float,
    locks: Locks = (),
    *,
    load: Path = LOAD,
    clock: Clock = SYSTEM_CLOCK,
    log: Path | None = None,
) -> PowerLog:
    """Load `device` ("cuda:N") by the program `load` and read its sensors for `seconds`.

    The load keeps the descriptors `locks` open. The readings are kept as the power log `log`.

    Raises ProcessEnded where the load does not start, CannotMeasure where NVML or the GPU's sensors
    are not there.
    """
    with LineProcess([sys.executable, "-P", str(load), device], kept_fds=locks) as process:
        uuid = json.loads(process.answer(_START_S))["uuid"]
        read = probe_sensors(uuid, seconds, clock, log)
        process.finish(_END_S)
    return read


def probe_sensors(uuid: str, seconds: float, clock: Clock, log: Path | None = None) -> PowerLog:
    """Read the sensors of one GPU for `seconds`, and keep the readings as the power log `log`.

    Raises CannotMeasure where there are no sensors.
    """
    with nvml_sensors(uuid) as (header, sensors), scratch_folder() as folder:
        reader = SensorReader(sensors, clock)
        end_ns = clock.monotonic_ns() + seconds * 1e9
        reader.probe(lambda: clock.monotonic_ns() >= end_ns)
        path = log or folder / POWER_LOG
        write_log(path, header, reader.rows)
        return read_power_log(path)
