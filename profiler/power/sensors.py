"""Which sensors give the power of a device: NVML for a GPU, RAPL for the host's processors."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final, Protocol

from ...device.nvml import ENERGY, POWER_INSTANT, NvmlCode
from ...device.rapl_sensors import rapl_sensors
from ...energy.faults import WITHOUT_COUNTER, fault_of
from ...store.errors import CannotMeasure
from ...store.provenance import Provenance
from ..record import Tool
from .device_sensors import CPU, nvml_sensors
from .sensor_log import SCHEMA, Row
from .sensor_recorder import SensorRecorder

LOG_TOOL: Final = Tool(*SCHEMA.split("/"))


class RecordedRows(Protocol):
    """What a recorder of sensors shows while it runs; `processes` are its own."""

    @property
    def processes(self) -> tuple[int, ...]:
        """Ids of the processes that record: what they take of a processor is ours."""
        ...

    def rows(self) -> list[Row]:
        """Readings so far."""
        ...


OpenRecorder = Callable[[Provenance, Path], AbstractContextManager[RecordedRows]]


@contextmanager
def kept_recorder() -> Iterator[OpenRecorder]:
    """Give recorders of a device's own sensors that share one process while the block runs."""
    with SensorRecorder() as recorder:

        def record(provenance: Provenance, path: Path) -> AbstractContextManager[RecordedRows]:
            device = CPU if provenance.gpu is None else provenance.gpu.uuid
            return recorder.record(device, path)

        yield record


@contextmanager
def open_recorder(provenance: Provenance, path: Path) -> Iterator[RecordedRows]:
    """Record a device's own sensors in the block, by a process for this log alone."""
    with kept_recorder() as record, record(provenance, path) as rows:
        yield rows


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
