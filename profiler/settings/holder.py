"""The process that changes a GPU's settings, and puts them back when moeprof ends, however it ends.

    python -P -m moeprof.profiler.settings.holder UUID CLOCK_MHZ LIMIT_W

A process of its own, because nothing in moeprof's runs after SIGKILL. CLOCK_MHZ and LIMIT_W are
whole numbers, or "-" for what is left as it is. It writes one line of JSON: {"held": true}, or
{"refused": …, "hint": …, "is_bad_input": …} where it changed nothing. Then it waits for the end of
its input, or for a signal, and puts back what it changed.
"""

import contextlib
import json
import os
import select
import signal
import sys
from collections.abc import Callable
from typing import Any, Final

from ...device.nvml import nvml
from ...store.errors import BadInput, CannotMeasure

MODULE: Final = "moeprof.profiler.settings.holder"
UNCHANGED: Final = "-"
_ENDING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


def hold(
    uuid: str, clock_mhz: int | None, limit_w: int | None, until_told: Callable[[], None]
) -> None:
    """Change the settings of a GPU while `until_told` runs.

    The power limit goes back to what it was. NVML does not tell whether the clocks had been locked
    before, so theirs goes back to the driver's default. Raises BadInput for a clock or a limit that
    the GPU does not have, and CannotMeasure where it refuses or lacks the change.
    """
    with nvml() as library, contextlib.ExitStack() as undoing:
        try:
            handle = library.nvmlDeviceGetHandleByUUID(uuid)
            if limit_w is not None:
                before_mw = library.nvmlDeviceGetPowerManagementLimit(handle)
                library.nvmlDeviceSetPowerManagementLimit(handle, limit_w * 1000)
                undoing.callback(
                    _undo, library, library.nvmlDeviceSetPowerManagementLimit, handle, before_mw
                )
        except library.NVMLError as error:
            raise _refused_limit(library, error, uuid, limit_w) from error
        try:
            if clock_mhz is not None:
                library.nvmlDeviceSetGpuLockedClocks(handle, clock_mhz, clock_mhz)
                undoing.callback(_undo, library, library.nvmlDeviceResetGpuLockedClocks, handle)
        except library.NVMLError as error:
            raise _refused_clock(library, error, clock_mhz) from error
        until_told()


def _undo(library: Any, function: Callable[..., object], *arguments: object) -> None:
    with contextlib.suppress(library.NVMLError):  # a GPU that was lost has lost its settings too
        function(*arguments)


def _refused_clock(library: Any, error: Any, clock_mhz: int | None) -> BadInput | CannotMeasure:
    if error.value == library.NVML_ERROR_INVALID_ARGUMENT:
        return BadInput(
            f"this GPU has no SM clock of {clock_mhz} MHz",
            hint="`nvidia-smi --query-supported-clocks=graphics --format=csv` lists them",
        )
    return _refusal(library, error, "the clocks cannot be locked", "--lock-clocks")


def _refused_limit(
    library: Any, error: Any, uuid: str, limit_w: int | None
) -> BadInput | CannotMeasure:
    if error.value == library.NVML_ERROR_INVALID_ARGUMENT:
        return BadInput(
            f"this GPU has no power limit of {limit_w} W", hint=_known_limits(library, uuid)
        )
    return _refusal(library, error, "the power limit cannot be changed", "--power-limits")


def _known_limits(library: Any, uuid: str) -> str:
    try:
        handle = library.nvmlDeviceGetHandleByUUID(uuid)
        low_mw, high_mw = library.nvmlDeviceGetPowerManagementLimitConstraints(handle)
    except library.NVMLError:
        return "`nvidia-smi -q -d POWER` says which it has"
    return f"it takes {low_mw / 1000:g} to {high_mw / 1000:g} W"


def _refusal(library: Any, error: Any, what: str, option: str) -> CannotMeasure:
    permission = error.value == library.NVML_ERROR_NO_PERMISSION
    return CannotMeasure(
        f"{what}: {str(error).lower()}",
        hint=f"run as root, or measure without {option}" if permission else "",
    )


def _serve(uuid: str, clock: str, limit: str) -> None:
    signals = _signals_as_bytes()

    def until_told() -> None:
        _answer({"held": True})
        select.select([sys.stdin, signals], [], [])  # nothing but the end comes on stdin

    try:
        hold(uuid, _number(clock), _number(limit), until_told)
    except (BadInput, CannotMeasure) as refusal:
        is_bad_input = isinstance(refusal, BadInput)
        _answer({"refused": refusal.message, "hint": refusal.hint, "is_bad_input": is_bad_input})


def _number(word: str) -> int | None:
    return None if word == UNCHANGED else int(word)


def _answer(body: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):  # moeprof is gone already
        os.write(sys.stdout.fileno(), json.dumps(body).encode() + b"\n")


def _signals_as_bytes() -> int:
    """Return a descriptor that gives a byte for each signal that would end us."""
    to_read, to_write = os.pipe()
    os.set_blocking(to_write, False)
    signal.set_wakeup_fd(to_write, warn_on_full_buffer=False)
    for number in _ENDING:
        signal.signal(number, lambda *_: None)
    return to_read


if __name__ == "__main__":
    _serve(*sys.argv[1:])
