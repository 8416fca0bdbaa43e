"""Holds a GPU's clocks still while something is measured, and lets go of them on every way out.

Opt-in: it needs root on most machines, and a machine that others share is not ours to slow down.
What NVML cannot tell is whether somebody had locked the clocks before: letting go sets the
driver's default.
"""

import contextlib
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from ..device.nvml import nvml
from ..store.errors import BadInput, CannotMeasure


@contextmanager
def locked_sm_clock(uuid: str, clock_mhz: int) -> Iterator[None]:
    """Lock the SM clock of a GPU inside the block; from the main thread only.

    The clocks are let go after the block, after an error in it, and on SIGTERM, which becomes
    SystemExit inside the block. SIGKILL leaves them locked: `nvidia-smi --reset-gpu-clocks`.
    Raises BadInput for a clock that the GPU does not have, and CannotMeasure where locking is
    refused or not supported.
    """
    with nvml() as library:
        try:
            handle = library.nvmlDeviceGetHandleByUUID(uuid)
            library.nvmlDeviceSetGpuLockedClocks(handle, clock_mhz, clock_mhz)
        except library.NVMLError as error:
            raise _refusal(library, error, clock_mhz) from error
        before = signal.signal(signal.SIGTERM, _terminate)
        try:
            yield
        finally:
            with contextlib.suppress(library.NVMLError):  # a GPU that is lost holds no clocks
                library.nvmlDeviceResetGpuLockedClocks(handle)
            signal.signal(signal.SIGTERM, before)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _refusal(library: Any, error: Any, clock_mhz: int) -> BadInput | CannotMeasure:
    if error.value == library.NVML_ERROR_INVALID_ARGUMENT:
        return BadInput(
            f"this GPU has no SM clock of {clock_mhz} MHz",
            hint="`nvidia-smi --query-supported-clocks=graphics --format=csv` lists them",
        )
    permission = error.value == library.NVML_ERROR_NO_PERMISSION
    return CannotMeasure(
        f"the clocks cannot be locked: {str(error).lower()}",
        hint="run as root, or measure without --lock-clocks" if permission else "",
    )
