"""Opens the sensors of a device, NVML's for a GPU and RAPL's for the host's processors."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from ...device.cpu import cpu_name
from ...device.gpus import gpu_by_uuid
from ...device.nvml import Sensors, nvml
from ...device.rapl_sensors import RaplSensors, rapl_sensors
from ...store.errors import CannotMeasure
from .sensor_log import SCHEMA, Header

CPU: Final = "cpu"  # names the host's processors where a GPU's UUID names a GPU

OpenSensors = Callable[[str, int], AbstractContextManager[tuple[Header, Sensors | RaplSensors]]]


@contextmanager
def device_sensors(device: str, moeprof_pid: int) -> Iterator[tuple[Header, Sensors | RaplSensors]]:
    """Give the sensors of `CPU`, or of the GPU with this UUID, and the header of their log.

    The process `moeprof_pid` does not count among a GPU's compute processes. Raises CannotMeasure
    where the sensors are not there.
    """
    if device != CPU:
        with nvml_sensors(device, moeprof_pid) as opened:
            yield opened
        return
    with rapl_sensors() as sensors:
        header = {"schema": SCHEMA, "gpu": CPU, "name": cpu_name(), "driver": None}
        yield {**header, "sensor": "rapl"}, sensors


@contextmanager
def nvml_sensors(uuid: str, moeprof_pid: int | None = None) -> Iterator[tuple[Header, Sensors]]:
    """Give the sensors of one GPU, and the header of their log.

    Raises CannotMeasure where NVML or the GPU is not there.
    """
    with nvml() as library:
        yield header(uuid), Sensors(library, uuid, moeprof_pid)


def header(uuid: str) -> Header:
    """Header of the log of one GPU. Raises CannotMeasure where NVML shows no such GPU."""
    gpu = gpu_by_uuid(uuid)
    if gpu is None:
        raise CannotMeasure(f"NVML shows no GPU {uuid}", hint="run `moeprof doctor`")
    return {"schema": SCHEMA, "gpu": gpu.uuid, "name": gpu.name, "driver": gpu.driver}
