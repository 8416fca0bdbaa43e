"""The GPUs of this machine as NVML describes them; None for what it does not say."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from ..store.errors import CannotMeasure
from ..store.provenance import Gpu
from .nvml import nvml

T = TypeVar("T")

LOST_REMEDY: Final = "dmesg | grep -i xid says why; restart the machine"


@dataclass(frozen=True, slots=True)
class GpusSeen:
    """GPUs that NVML describes, and by index why it does not describe the others."""

    described: tuple[Gpu, ...]
    lost: dict[int, str]


def survey() -> GpusSeen:
    """Every GPU that NVML shows; one that is lost does not hide the others.

    Raises CannotMeasure where NVML is unavailable, and where it describes none of its GPUs.
    """
    described, lost = [], {}
    with nvml() as library:
        for index in range(_count(library)):
            try:
                described.append(_gpu(library, index))
            except library.NVMLError as error:
                lost[index] = str(error).lower()
    if lost and not described:
        raise _not_described(next(iter(lost.values())))
    return GpusSeen(tuple(described), lost)


def gpus() -> list[Gpu]:
    """Every GPU that NVML describes. Raises CannotMeasure as `survey` does."""
    return list(survey().described)


def _count(library: Any) -> int:
    try:
        return int(library.nvmlDeviceGetCount())
    except library.NVMLError as error:
        raise _not_described(str(error).lower()) from error


def _not_described(why: str) -> CannotMeasure:
    return CannotMeasure(f"NVML cannot describe the GPUs: {why}", hint=LOST_REMEDY)


def gpu_by_uuid(uuid: str) -> Gpu | None:
    """Find the GPU with this UUID ("GPU-…"); None where NVML does not show it."""
    return next((gpu for gpu in gpus() if gpu.uuid == uuid), None)


def _gpu(library: Any, index: int) -> Gpu:
    def read(call: Callable[..., T], *arguments: Any) -> T | None:
        try:
            return call(*arguments)
        except library.NVMLError:
            return None

    handle = library.nvmlDeviceGetHandleByIndex(index)
    limit_mw = read(library.nvmlDeviceGetEnforcedPowerLimit, handle)
    mig = read(library.nvmlDeviceGetMigMode, handle)
    return Gpu(
        index=index,
        name=escaped_text(library.nvmlDeviceGetName, handle),
        uuid=escaped_text(library.nvmlDeviceGetUUID, handle),
        driver=read(escaped_text, library.nvmlSystemGetDriverVersion),
        vbios=read(escaped_text, library.nvmlDeviceGetVbiosVersion, handle),
        power_limit_w=None if limit_mw is None else limit_mw / 1000,
        sm_clock_mhz=read(library.nvmlDeviceGetClockInfo, handle, library.NVML_CLOCK_SM),
        memory_clock_mhz=read(library.nvmlDeviceGetClockInfo, handle, library.NVML_CLOCK_MEM),
        mig=None if mig is None else mig[0] == library.NVML_DEVICE_MIG_ENABLE,
        l2_bytes=None,
    )


def escaped_text(call: Callable[..., str], *arguments: Any) -> str:
    """A text of the driver; what is no UTF-8 is escaped, as in names that GPUs have had in WSL."""
    try:
        return call(*arguments)
    except UnicodeDecodeError as error:  # the binding decodes what the driver gives
        return error.object.decode(errors="backslashreplace")
