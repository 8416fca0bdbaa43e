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
from typing import Any, Final

from ..device.nvml import nvml
from ..store.errors import BadInput, CannotMeasure

_ENDING: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


@contextmanager
def locked_sm_clock(uuid: str, clock_mhz: int) -> Iterator[None]:
    """Lock the SM clock of a GPU inside the block; from the main thread only.

    The clocks are let go after the block, after an error in it, and on SIGTERM, SIGHUP and SIGQUIT,
    which become SystemExit inside the block. SIGKILL leaves them locked:
    `nvidia-smi --reset-gpu-clocks`. Raises BadInput for a clock that the GPU does not have, and
    CannotMeasure where locking is refused or not supported.
    """
    with nvml() as library, _ended_by_exit(), contextlib.ExitStack() as undoing:
        try:
            handle = library.nvmlDeviceGetHandleByUUID(uuid)
            undoing.callback(_let_go, library, handle)  # first: a signal may come between the two
            library.nvmlDeviceSetGpuLockedClocks(handle, clock_mhz, clock_mhz)
        except library.NVMLError as error:
            undoing.pop_all()  # what another program locked is not ours to let go
            raise _refusal(library, error, clock_mhz) from error
        yield


@contextmanager
def _ended_by_exit() -> Iterator[None]:
    """Make SystemExit of the signals that end a program; one that is ignored stays so (nohup)."""
    before = {number: signal.getsignal(number) or signal.SIG_DFL for number in _ENDING}
    heeded = [number for number in _ENDING if before[number] is not signal.SIG_IGN]

    def end(number: int, frame: FrameType | None) -> None:
        for one in heeded:
            signal.signal(one, signal.SIG_IGN)  # a session that closes sends more than one
        raise SystemExit(128 + number)

    try:
        for number in heeded:
            signal.signal(number, end)
        yield
    finally:
        for number in heeded:
            signal.signal(number, before[number])


def _let_go(library: Any, handle: Any) -> None:
    with contextlib.suppress(library.NVMLError):  # a GPU that is lost holds no clocks
        library.nvmlDeviceResetGpuLockedClocks(handle)


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
