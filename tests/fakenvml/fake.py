"""Builds the simulated NVML and puts it under nvidia-ml-py; README.md says what it can do."""

import ctypes
import mmap
import os
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol
from unittest import mock

import pynvml

UUID = "GPU-51b01a7e-0000-4000-8000-000000000001"
EPOCH_NS = 1_700_000_000_000_000_000
TraceRow = Sequence[float]  # t_s, power_mw, temp_c, sm_mhz, event reasons

_SOURCE = Path(__file__).with_name("fake_nvml.c")
_CALL_NS = 20_000  # what a look at the virtual clock costs: a call of NVML takes some time


class Simulate(Protocol):
    """Puts a trace under nvidia-ml-py and gives the clock that rules it: the fixture `simulate`."""

    def __call__(
        self, rows: Sequence[TraceRow], **settings: object
    ) -> "AbstractContextManager[VirtualClock]": ...


def compiler() -> str | None:
    return next((name for name in ("cc", "gcc", "clang") if shutil.which(name)), None)


def build(folder: Path) -> Path:
    """Compile libnvidia-ml.so.1 into `folder`."""
    library = folder / "libnvidia-ml.so.1"
    flags = "-O2 -shared -fPIC -Wall -Wextra -fvisibility=hidden".split()
    soname = "-Wl,-soname,libnvidia-ml.so.1"
    command = [compiler() or "cc", *flags, soname, "-o", str(library), str(_SOURCE), "-lm"]
    subprocess.run(command, check=True, timeout=600)
    return library


class VirtualClock:
    """The recorder's clock and the library's, in one file: time passes only when it is asked for.

    `epoch_jump` and `suspension` are a time and what is added from then on, ns: to the epoch, and
    to the boot clock.
    """

    def __init__(self, path: Path) -> None:
        path.write_bytes(struct.pack("d", 0.0))
        with path.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), 8)
        self._now_ns = 0
        self.epoch_jump = (1 << 62, 0)
        self.suspension = (1 << 62, 0)

    def set_ns(self, time_ns: int) -> None:
        self._now_ns = time_ns
        self._page[:8] = struct.pack("d", time_ns * 1e-9)

    def monotonic_ns(self) -> int:
        (seen_s,) = struct.unpack("d", self._page[:8])  # the library may have moved it on
        self.set_ns(max(self._now_ns, round(seen_s * 1e9)) + _CALL_NS)
        return self._now_ns

    def epoch_ns(self) -> int:
        return EPOCH_NS + self.boot_ns() + _after(self.epoch_jump, self._now_ns)

    def boot_ns(self) -> int:
        return self._now_ns + _after(self.suspension, self._now_ns)

    def sleep_until(self, time_ns: int) -> None:
        self.set_ns(max(self._now_ns, time_ns))

    def reached(self, time_s: float) -> Callable[[], bool]:
        return lambda: self._now_ns >= time_s * 1e9


def _after(change: tuple[int, int], now_ns: int) -> int:
    at_ns, by_ns = change
    return by_ns if now_ns >= at_ns else 0


def write_trace(path: Path, rows: Iterable[TraceRow]) -> None:
    with path.open("w", encoding="ascii") as file:
        file.write("t_s,power_mw,temp_c,sm_mhz,reasons\n")
        file.writelines(f"{t:.6f},{p:.3f},{c:.4f},{m:.0f},{int(r)}\n" for t, p, c, m, r in rows)


@contextmanager
def simulated_gpu(library: Path, **settings: object) -> Iterator[None]:
    """nvidia-ml-py on the simulated library; `settings` are its FAKENVML_ variables.

    A GPU's own library, if this machine has one, is put back at the end.
    """
    variables = {f"FAKENVML_{name.upper()}": str(value) for name, value in settings.items()}
    variables["LD_LIBRARY_PATH"] = str(library.parent)  # for processes that are started meanwhile
    cache: dict[str, object] = {}
    with (
        mock.patch.dict(os.environ, variables),
        mock.patch.object(pynvml, "nvmlLib", ctypes.CDLL(str(library))),
        mock.patch.object(pynvml, "_nvmlGetFunctionPointer_cache", cache),
    ):
        yield
