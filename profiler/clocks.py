"""Locks a GPU's SM clock while something is measured, and resets it on every way out.

Opt-in: it needs root on most machines, and it slows down whoever shares the GPU. NVML cannot tell
whether the clocks had been locked before, so a reset restores the driver's default.
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

    The clock is reset after the block, after an error in it, and on SIGTERM, SIGHUP and SIGQUIT,
    which become SystemExit inside the block. SIGKILL leaves it locked until
    `nvidia-smi --reset-gpu-clocks`. Raises BadInput for a clock that the GPU does not have, and
    CannotMeasure where locking is refused or not supported.
    """
    with nvml() as library, _ended_by_exit(), contextlib.ExitStack() as undoing:
        try:
            handle = library.nvmlDeviceGetHandleByUUID(uuid)
            undoing.callback(_reset, library, handle)  # before: a signal may come between the two
            library.nvmlDeviceSetGpuLockedClocks(handle, clock_mhz, clock_mhz)
        except library.NVMLError as error:
            undoing.pop_all()  # another program may have locked the clocks: they are not reset
            raise _refusal(library, error, clock_mhz) from error
        yield


@contextmanager
def _ended_by_exit() -> Iterator[None]:
    """Turn the signals that end a program into SystemExit; an ignored one stays ignored (nohup)."""
    before = {number: signal.getsignal(number) or signal.SIG_DFL for number in _ENDING}
    handled = [number for number in _ENDING if before[number] is signal.SIG_DFL]

    def end(number: int, frame: FrameType | None) -> None:
        for one in handled:
            signal.signal(one, signal.SIG_IGN)  # a closing terminal sends more than one
        raise SystemExit(128 + number)

    try:
        for number in handled:
            signal.signal(number, end)
        yield
    finally:
        for number in handled:
            signal.signal(number, before[number])


def _reset(library: Any, handle: Any) -> None:
    with contextlib.suppress(library.NVMLError):  # a GPU that was lost has no locked clocks
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
