"""Which sensors give the power of a device: NVML for a GPU, RAPL for the host's processors."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from ...device.cpu import cpu_name
from ...device.nvml import ENERGY, POWER_INSTANT, NvmlCode
from ...device.rapl_sensors import RaplSensors, rapl_sensors
from ...energy.faults import WITHOUT_COUNTER, fault_of
from ...store.errors import CannotMeasure
from ...store.provenance import Provenance
from .sensor_log import SCHEMA, Header, Row
from .sensor_recorder import SensorRecorder, nvml_sensors


class RecordedRows(Protocol):
    """What a recorder of sensors shows while it runs."""

    def rows(self) -> list[Row]:
        """Readings so far."""
        ...


OpenRecorder = Callable[[Provenance, Path], AbstractContextManager[RecordedRows]]


def open_recorder(provenance: Provenance, path: Path) -> SensorRecorder:
    """Make a recorder of a device's own sensors, still to be entered; its log goes to `path`."""
    if provenance.gpu is None:
        return SensorRecorder("cpu", path, _packages)
    return SensorRecorder(provenance.gpu.uuid, path)


def check_sensors(provenance: Provenance) -> str:
    """Read a device's sensors once; return in words which ones they are.

    Raises CannotMeasure, with the reason, where they give neither energy nor power.
    """
    if provenance.gpu is None:
        with rapl_sensors():
            return "RAPL"
    with nvml_sensors(provenance.gpu.uuid) as (_, sensors):
        (energy,) = sensors.energy()
        if energy.code == NvmlCode.SUCCESS:
            return "NVML's energy counter"
        found = {reading.name: reading for reading in sensors.fields()}
        reason = fault_of(energy.code)
        if reason in WITHOUT_COUNTER and found[POWER_INSTANT].code == NvmlCode.SUCCESS:
            return f"NVML's power readings, since {reason}"
    raise CannotMeasure(f"{reason} ({ENERGY}: NVML code {energy.code})")


@contextmanager
def _packages(name: str) -> Iterator[tuple[Header, RaplSensors]]:
    with rapl_sensors() as sensors:
        yield (
            {
                "schema": SCHEMA,
                "gpu": name,
                "name": cpu_name(),
                "driver": None,
                "sensor": "rapl",
            },
            sensors,
        )
