"""Records a device's sensors in a thread beside a load, into a power log."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Self

from ...device.nvml import Sensors, gpu_by_uuid, nvml
from ...device.rapl_sensors import RaplSensors
from ...store.errors import CannotMeasure
from ..host_clock import SYSTEM_CLOCK
from .sensor_log import SCHEMA, Header, Row, write_log
from .sensor_reader import SensorReader

OpenSensors = Callable[[str], AbstractContextManager[tuple[Header, Sensors | RaplSensors]]]


@contextmanager
def nvml_sensors(uuid: str) -> Iterator[tuple[Header, Sensors]]:
    """Give the sensors of one GPU, and the header of their log.

    Raises CannotMeasure where NVML or the GPU is not there.
    """
    with nvml() as library:
        yield header(uuid), Sensors(library, uuid)


class SensorRecorder:
    """Records the GPU `uuid` in a thread from entering to leaving, then writes the log to `path`.

    `open_sensors` gives other sensors than those of NVML. Raises CannotMeasure on entering where
    there are none. Leaving writes the log also after an error, and raises BadInput where it cannot
    be written.
    """

    def __init__(self, uuid: str, path: Path, open_sensors: OpenSensors = nvml_sensors) -> None:
        self._opening = open_sensors(uuid)
        self._path = path
        self._stopped = threading.Event()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._header, sensors = stack.enter_context(self._opening)
            self._reader = SensorReader(sensors, SYSTEM_CLOCK)
            self._opened = stack.pop_all()
        self._thread = threading.Thread(
            target=self._reader.record, args=(self._stopped.is_set,), daemon=True
        )
        self._thread.start()
        return self

    @property
    def calls(self) -> int:
        """Calls of NVML so far."""
        return self._reader.calls

    def rows(self) -> list[Row]:
        """Readings so far."""
        return list(self._reader.rows)

    def __exit__(self, *raised: object) -> None:
        self._stopped.set()
        self._thread.join()
        self._opened.close()
        write_log(self._path, self._header, self._reader.rows)


def header(uuid: str) -> Header:
    """Header of the log of one GPU. Raises CannotMeasure where NVML shows no such GPU."""
    gpu = gpu_by_uuid(uuid)
    if gpu is None:
        raise CannotMeasure(f"NVML shows no GPU {uuid}", hint="run `moeprof doctor`")
    return {"schema": SCHEMA, "gpu": gpu.uuid, "name": gpu.name, "driver": gpu.driver}
