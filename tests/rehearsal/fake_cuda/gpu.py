"""A GPU on a rehearsal's time: one queue of kernels, their power, and what a profiler sees."""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from moeprof.tests.rehearsal.fake_cuda.trace import Span, Trace
from moeprof.tests.rehearsal.machine import FULL_MHZ, IDLE_W, Machine, machine
from moeprof.tests.rehearsal.virtual_time.host_time import REAL_WRITE, HostTime

IDLE_MHZ: Final = 345
_CLOCK_FALLS_S: Final = 0.2  # rest after which the clock is the idle one
_LAUNCH_S: Final = 4e-6  # the host's time for each kernel or graph
_CALL_S: Final = 1e-6  # the host's time for any other call


class CudaError(RuntimeError):
    """What torch raises for an error of the CUDA driver."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel: how long it takes at the full clock, s, and its mean power, W."""

    name: str
    duration_s: float
    power_w: float


class Gpu:
    """One device with one queue; work of a capture waits for a replay."""

    def __init__(self, host: HostTime, trace: Trace) -> None:
        self.host = host
        self.trace = trace
        self.capturing: list[Kernel] | None = None
        self.crashed = False
        self._free_s = self._awake_s = -1.0
        self._draw = random.Random(self.machine.seed)
        self._written = _PowerFile()

    @property
    def machine(self) -> Machine:
        """The machine that this process is on now."""
        return machine()

    def kernel(self, name: str, moved_bytes: int, flops: int) -> Kernel:
        """A kernel by the machine's roofline."""
        of = self.machine
        memory_s, compute_s = moved_bytes / of.bytes_per_s, flops / of.flops_per_s
        duration_s = of.kernel_s + max(memory_s, compute_s)
        above_w = (memory_s * of.memory_w + compute_s * of.compute_w) / duration_s
        return Kernel(name, duration_s, IDLE_W + above_w)

    def launch(self, kernel: Kernel) -> None:
        """Queue a kernel, or add it to the graph that is captured."""
        self.check()
        if self.capturing is not None:
            self.capturing.append(kernel)
            return
        self._launch([kernel], "cudaLaunchKernel")

    def replay(self, kernels: list[Kernel]) -> None:
        """Queue a captured graph."""
        self.check()
        self._launch(kernels, "cudaGraphLaunch")

    def free_s(self) -> float:
        """When all work that is queued has ended."""
        return max(self.host.now_s(), self._free_s)

    def call(self) -> None:
        """Let the host make any other call of CUDA."""
        self.host.work(_CALL_S)

    def synchronise(self) -> None:
        """Let the host wait until all work has ended. Raises CudaError where the device is lost."""
        if self.capturing is not None:
            raise CudaError("CUDA error: operation not permitted when stream is capturing")
        self.call()
        self.wait_until(self._free_s)
        self.check()

    def wait_until(self, time_s: float) -> None:
        """Let the host wait; what the device did until then is written first."""
        self._written.flush()
        self.host.settle()
        if time_s > self.host.now_s():
            self.host.sleep_until(time_s)

    def check(self) -> None:
        """Raise CudaError where the device is lost, or a kernel of this process has crashed."""
        if self.crashed:
            raise CudaError("CUDA error: an illegal memory access was encountered")
        if self.is_lost():
            raise CudaError("CUDA error: unspecified launch failure")

    def is_lost(self) -> bool:
        return self.machine.lost_s is not None and self.host.now_s() >= self.machine.lost_s

    @contextmanager
    def capture(self, kernels: list[Kernel]) -> Iterator[None]:
        """Collect what is launched. Raises CudaError where the machine captures nothing."""
        self.check()
        self.capturing = kernels
        try:
            if not self.machine.captures:
                raise CudaError("CUDA error: operation not permitted when stream is capturing")
            yield
        finally:
            self.capturing = None

    def _launch(self, kernels: list[Kernel], call: str) -> None:
        begin_s = self.host.now_s()
        self.host.work(_LAUNCH_S)
        self.trace.launched((call, begin_s, begin_s + _LAUNCH_S), self._run(kernels))

    def _run(self, kernels: list[Kernel]) -> list[Span]:
        """Queue kernels; return when each begins and ends."""
        ran, of = [], self.machine
        for kernel in kernels:
            begin_s = self.free_s()
            mhz, reasons = self._clock(begin_s, of)
            varied = max(0.5, self._draw.gauss(1, of.noise))
            end_s = begin_s + kernel.duration_s * varied * FULL_MHZ / mhz
            power_w = IDLE_W + (kernel.power_w - IDLE_W) * mhz / FULL_MHZ
            self._written.add(begin_s, end_s, power_w, mhz, reasons)
            ran.append((kernel.name, begin_s, end_s))
            self._free_s = end_s
        return ran

    def _clock(self, begin_s: float, of: Machine) -> tuple[int, int]:
        """Clock in MHz, and what holds it down, of work that begins now."""
        if begin_s - self._free_s > _CLOCK_FALLS_S:
            self._awake_s = begin_s + of.wake_s
        for slow in of.slowdowns:
            if slow.from_s <= begin_s < slow.to_s:
                return slow.sm_mhz, slow.reasons
        return (IDLE_MHZ if begin_s < self._awake_s else FULL_MHZ), 0


class _PowerFile:
    """The file that the simulated NVML follows; work of one power without a pause is one row."""

    def __init__(self) -> None:
        path = Path(os.environ["FAKENVML_LIVE"])
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._rows: list[str] = []
        self._last: tuple[float, float, float, int, int] | None = None

    def add(self, begin_s: float, end_s: float, power_w: float, mhz: int, reasons: int) -> None:
        last = self._last
        if last is not None and (begin_s, power_w, mhz, reasons) == last[1:]:
            begin_s = last[0]
        else:
            self._keep()
        self._last = begin_s, end_s, power_w, mhz, reasons

    def flush(self) -> None:
        self._keep()
        if self._rows:
            REAL_WRITE(self._file, "".join(self._rows).encode())
            self._rows.clear()

    def _keep(self) -> None:
        if self._last is not None:
            begin_s, end_s, power_w, mhz, reasons = self._last
            self._rows.append(f"{begin_s:.9f},{end_s:.9f},{power_w * 1e3:.3f},{mhz},{reasons}\n")
            self._last = None
