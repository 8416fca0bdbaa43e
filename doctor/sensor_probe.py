"""A GPU's sensors, read closely while the GPU is kept busy by a process that does nothing else."""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from ..energy.power_log import PowerLog, read_power_log
from ..profiler.power.host_clock import Clock, SystemClock
from ..profiler.power.sensor_recorder import Recorder, nvml_sensors, write_log
from ..profiler.process import LineServer

LOAD: Final = Path(__file__).with_name("load.py")
_START_S: Final = 60.0  # torch and its CUDA context, from a cold disk
_END_S: Final = 5.0


def probe_under_load(device: str, seconds: float) -> PowerLog:
    """Load `device` ("cuda:N") and survey its sensors for `seconds`.

    Raises ProcessEnded where the load does not start, CannotMeasure where NVML or the GPU's sensors
    cannot be had.
    """
    with LineServer([sys.executable, "-P", str(LOAD), device]) as load:
        uuid = json.loads(load.answer(_START_S))["uuid"]
        log = survey(uuid, seconds, SystemClock())
        load.finish(_END_S)
    return log


def survey(uuid: str, seconds: float, clock: Clock) -> PowerLog:
    """Survey one GPU for `seconds`. Raises CannotMeasure where its sensors cannot be had."""
    with nvml_sensors(uuid) as (first, sensors), TemporaryDirectory() as folder:
        recorder = Recorder(sensors, clock)
        end_ns = clock.monotonic_ns() + seconds * 1e9
        recorder.survey(lambda: clock.monotonic_ns() >= end_ns)
        path = Path(folder) / "power.csv"
        write_log(path, first, recorder.rows)
        return read_power_log(path)
