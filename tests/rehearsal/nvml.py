"""nvidia-ml-py on the simulated library, each call of which takes some of a rehearsal's time."""

import ctypes
import os
from typing import Any, Final

from moeprof.tests.rehearsal.machine import machine
from moeprof.tests.rehearsal.virtual_time.host_time import HostTime

LIBRARY: Final = "REHEARSAL_NVML"  # environment variable: the path of the library


def install(pynvml: Any, host: HostTime) -> None:
    """Put the simulated library under pynvml."""
    pynvml.nvmlLib = ctypes.CDLL(os.environ[LIBRARY])
    find = pynvml._nvmlGetFunctionPointer

    def found(name: str) -> Any:
        function = find(name)
        if not name.startswith("nvmlDevice"):
            return function

        def called(*arguments: Any) -> Any:
            host.sleep_until(host.now_s() + machine().nvml_call_s)
            return function(*arguments)

        return called

    pynvml._nvmlGetFunctionPointer = found
