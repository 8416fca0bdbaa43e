"""Readings of a GPU's sensors by NVML. Nothing is ever set.

Any reading may be unsupported or refused, and a GPU may be lost: the reading then holds NVML's
return code, which energy/faults.py turns into a reason. NVML and CUDA number the GPUs differently,
so a GPU is found by its UUID.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any, Final, NamedTuple

from ..store.errors import CannotMeasure


class NvmlCode(IntEnum):
    """Return codes of NVML that moeprof distinguishes (nvml.h, nvmlReturn_t)."""

    SUCCESS = 0
    NOT_SUPPORTED = 3
    NO_PERMISSION = 4
    FUNCTION_NOT_FOUND = 13
    GPU_IS_LOST = 15
    ARGUMENT_VERSION_MISMATCH = 25
    UNKNOWN = 999


# Names of the readings in a power log; each ends in the unit that NVML gives.
ENERGY: Final = "energy_mj"
POWER_INSTANT: Final = "power_instant_mw"
POWER_AVERAGE: Final = "power_average_mw"
POWER_USAGE: Final = "power_usage_mw"
TEMP_GPU: Final = "temp_gpu_c"
TEMP_MEMORY: Final = "temp_memory_c"
SM_CLOCK: Final = "sm_clock_mhz"
MEMORY_CLOCK: Final = "memory_clock_mhz"
EVENT_REASONS: Final = "event_reasons"  # a bit mask
POWER_LIMIT: Final = "power_limit_mw"
COMPUTE_PROCESSES: Final = "compute_processes"  # how many
GPU_BUSY: Final = "gpu_busy_percent"
MEMORY_BUSY: Final = "memory_busy_percent"
MEMORY_USED: Final = "memory_used_bytes"
MEMORY_TOTAL: Final = "memory_total_bytes"
SLOWDOWN_TEMP: Final = "slowdown_temp_c"

# Fields of nvmlDeviceGetFieldValues and their names in a power log. The throttle times are
# accumulators since the driver was loaded, in ns (nvml.h, NVML_FI_DEV_CLOCKS_EVENT_REASON_*).
_FIELDS: Final = {
    186: POWER_INSTANT,
    185: POWER_AVERAGE,
    82: TEMP_MEMORY,
    74: "throttle_power_cap_ns",
    76: "throttle_sync_boost_ns",
    269: "throttle_sw_thermal_ns",
    270: "throttle_hw_thermal_ns",
    271: "throttle_power_brake_ns",
}
# Codes of a function that the driver does not have, or not in the version that is asked for.
_TOO_NEW: Final = (NvmlCode.FUNCTION_NOT_FOUND, NvmlCode.ARGUMENT_VERSION_MISMATCH)
_WIDE_TYPES: Final = (2, 3)  # nvmlValueType_t: unsigned long, unsigned long long


class Reading(NamedTuple):
    """One reading of a sensor: a value and `NvmlCode.SUCCESS`, or None and another code of NVML."""

    name: str
    code: int
    value: int | None


class Sensors:
    """The sensors of one GPU, while NVML is initialised.

    Each method makes one call of NVML and returns its readings. Raises CannotMeasure where NVML
    shows no GPU of that UUID, and for a GPU in MIG mode, whose sensors measure the whole board and
    not the slice of a process. The process `moeprof_pid`, None for this one, is not counted.
    """

    def __init__(self, library: Any, uuid: str, moeprof_pid: int | None = None) -> None:
        self._library = library
        self._moeprof_pid = os.getpid() if moeprof_pid is None else moeprof_pid
        try:
            self._handle = library.nvmlDeviceGetHandleByUUID(uuid)
        except library.NVMLError as error:
            raise CannotMeasure(
                f"NVML cannot open GPU {uuid}: {str(error).lower()}", hint="run `moeprof doctor`"
            ) from error
        if self._mig():
            raise CannotMeasure(
                f"GPU {uuid} is in MIG mode, and its energy is that of the whole board",
                hint="switch MIG off, or use another GPU",
            )

    def energy(self) -> tuple[Reading, ...]:
        """Energy since the driver was loaded, mJ: the counter whose edges bound a window."""
        return (self._read(ENERGY, self._library.nvmlDeviceGetTotalEnergyConsumption),)

    def fields(self) -> tuple[Reading, ...]:
        """Power over the last 25 ms or so and over the last second, memory temperature, throttling.

        One call; each field has its own return code.
        """
        try:
            values = self._library.nvmlDeviceGetFieldValues(self._handle, list(_FIELDS))
        except self._library.NVMLError as error:
            return tuple(Reading(name, error.value, None) for name in _FIELDS.values())
        return tuple(map(_field_reading, _FIELDS.values(), values))

    def temperature(self) -> tuple[Reading, ...]:
        """Temperature of the GPU, whole degC; an old driver has an older function."""
        sensor = self._library.NVML_TEMPERATURE_GPU
        new = self._read(TEMP_GPU, self._library.nvmlDeviceGetTemperatureV, sensor)
        if new.code not in _TOO_NEW:
            return (new,)
        return (self._read(TEMP_GPU, self._library.nvmlDeviceGetTemperature, sensor),)

    def sm_clock(self) -> tuple[Reading, ...]:
        """Clock of the SMs, MHz."""
        kind = self._library.NVML_CLOCK_SM
        return (self._read(SM_CLOCK, self._library.nvmlDeviceGetClockInfo, kind),)

    def memory_clock(self) -> tuple[Reading, ...]:
        """Clock of the memory, MHz."""
        kind = self._library.NVML_CLOCK_MEM
        return (self._read(MEMORY_CLOCK, self._library.nvmlDeviceGetClockInfo, kind),)

    def event_reasons(self) -> tuple[Reading, ...]:
        """Reasons that hold the clocks down, a bit mask; an old driver has an older function."""
        new = self._read(EVENT_REASONS, self._library.nvmlDeviceGetCurrentClocksEventReasons)
        if new.code not in _TOO_NEW:
            return (new,)
        return (self._read(EVENT_REASONS, self._library.nvmlDeviceGetCurrentClocksThrottleReasons),)

    def power_limit(self) -> tuple[Reading, ...]:
        """Enforced power limit, mW."""
        return (self._read(POWER_LIMIT, self._library.nvmlDeviceGetEnforcedPowerLimit),)

    def power_usage(self) -> tuple[Reading, ...]:
        """`nvmlDeviceGetPowerUsage`, mW: on GPUs since Ampere the average over the last second."""
        return (self._read(POWER_USAGE, self._library.nvmlDeviceGetPowerUsage),)

    def compute_processes(self) -> tuple[Reading, ...]:
        """Number of processes with a compute context on the GPU, without moeprof's own.

        Processes that it started count. The ids are not kept: in a container they are those
        of the host and match none of ours.
        """
        call = self._library.nvmlDeviceGetComputeRunningProcesses

        def count(handle: Any) -> int:
            return sum(process.pid != self._moeprof_pid for process in call(handle))

        return (self._read(COMPUTE_PROCESSES, count),)

    def busy(self) -> tuple[Reading, ...]:
        """Shares of the last period, a second or less, in percent.

        That in which any kernel ran, and that in which device memory was read or written.
        """
        call = self._library.nvmlDeviceGetUtilizationRates
        return self._read_parts(call, {GPU_BUSY: "gpu", MEMORY_BUSY: "memory"})

    def memory(self) -> tuple[Reading, ...]:
        """Device memory that all processes and the driver use, and all that there is, bytes."""
        call = self._library.nvmlDeviceGetMemoryInfo
        return self._read_parts(call, {MEMORY_USED: "used", MEMORY_TOTAL: "total"})

    def slowdown_temperature(self) -> tuple[Reading, ...]:
        """Temperature of the GPU at which its clocks are slowed down, whole degC."""
        threshold = self._library.NVML_TEMPERATURE_THRESHOLD_SLOWDOWN
        call = self._library.nvmlDeviceGetTemperatureThreshold
        return (self._read(SLOWDOWN_TEMP, call, threshold),)

    def _read(self, name: str, call: Callable[..., int], *arguments: Any) -> Reading:
        try:
            return Reading(name, NvmlCode.SUCCESS, call(self._handle, *arguments))
        except self._library.NVMLError as error:
            return Reading(name, error.value, None)

    def _read_parts(self, call: Callable[[Any], Any], parts: dict[str, str]) -> tuple[Reading, ...]:
        """One call that gives several readings; `parts` maps their names to those in the answer."""
        try:
            answer = call(self._handle)
        except self._library.NVMLError as error:
            return tuple(Reading(name, error.value, None) for name in parts)
        return tuple(
            Reading(name, NvmlCode.SUCCESS, int(getattr(answer, part)))
            for name, part in parts.items()
        )

    def _mig(self) -> bool:
        try:
            mode, _ = self._library.nvmlDeviceGetMigMode(self._handle)
        except self._library.NVMLError:
            return False
        return bool(mode == self._library.NVML_DEVICE_MIG_ENABLE)


def _field_reading(name: str, field: Any) -> Reading:
    if field.nvmlReturn != NvmlCode.SUCCESS:
        return Reading(name, field.nvmlReturn, None)
    wide = field.valueType in _WIDE_TYPES
    return Reading(name, NvmlCode.SUCCESS, field.value.ullVal if wide else field.value.uiVal)


@contextmanager
def nvml() -> Iterator[Any]:
    """Yield the initialised `pynvml` module. Raises CannotMeasure where NVML is unavailable."""
    try:
        import pynvml
    except ImportError as error:
        raise CannotMeasure(
            "NVML is unavailable: nvidia-ml-py is not installed", hint="pip install nvidia-ml-py"
        ) from error
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        raise CannotMeasure(
            f"NVML is unavailable: {str(error).lower()}",
            hint="this needs an NVIDIA GPU and its driver",
        ) from error
    try:
        yield pynvml
    finally:
        with contextlib.suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()
