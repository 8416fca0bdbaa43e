"""GPUs as NVML describes them, read only.

Every reading may be unsupported or refused; it is None then. NVML and CUDA number the GPUs
differently, so a GPU is found by its UUID.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from ..store.errors import CannotMeasure
from ..store.provenance import Gpu

T = TypeVar("T")


@contextmanager
def nvml() -> Iterator[Any]:
    """Give the initialised `pynvml` module. Raises CannotMeasure where NVML cannot be had."""
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


def gpus() -> list[Gpu]:
    """Every GPU that NVML shows. Raises CannotMeasure where NVML cannot be had."""
    with nvml() as library:
        count = library.nvmlDeviceGetCount()
        return [_gpu(library, index) for index in range(count)]


def gpu_by_uuid(uuid: str) -> Gpu | None:
    """Find the GPU with this UUID ("GPU-…"); None where NVML shows none such."""
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
        name=library.nvmlDeviceGetName(handle),
        uuid=library.nvmlDeviceGetUUID(handle),
        driver=read(library.nvmlSystemGetDriverVersion),
        vbios=read(library.nvmlDeviceGetVbiosVersion, handle),
        power_limit_w=None if limit_mw is None else limit_mw / 1000,
        sm_clock_mhz=read(library.nvmlDeviceGetClockInfo, handle, library.NVML_CLOCK_SM),
        memory_clock_mhz=read(library.nvmlDeviceGetClockInfo, handle, library.NVML_CLOCK_MEM),
        mig=None if mig is None else mig[0] == library.NVML_DEVICE_MIG_ENABLE,
        l2_bytes=None,
    )
