"""torch.cuda and torch.profiler by the rehearsal's GPU: the calls that moeprof makes."""

import atexit
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, Self

import torch

from moeprof.tests.rehearsal.fake_cuda.gpu import CudaError, Gpu, Kernel
from moeprof.tests.rehearsal.fake_cuda.tensors import OnGpu
from moeprof.tests.rehearsal.fake_cuda.trace import Trace
from moeprof.tests.rehearsal.machine import FULL_MHZ, L2_BYTES
from moeprof.tests.rehearsal.virtual_time.host_time import HostTime

NSYS_TRACE: Final = "REHEARSAL_NSYS"  # environment variable: where a process leaves its trace
UUID: Final = "51b01a7e-0000-4000-8000-000000000001"  # as the simulated NVML has it


class Event:
    """A torch.cuda.Event: a time on the queue."""

    gpu: Gpu

    def __init__(self, enable_timing: bool = False, **_: object) -> None:
        self._time_s: float | None = None

    def record(self, stream: object = None) -> None:
        self.gpu.call()
        self._time_s = self.gpu.free_s()

    def query(self) -> bool:
        self.gpu.call()
        return self._recorded_s() <= self.gpu.host.now_s()

    def synchronize(self) -> None:
        self.gpu.wait_until(self._recorded_s())
        self.gpu.check()

    def elapsed_time(self, end: "Event") -> float:
        return (end._recorded_s() - self._recorded_s()) * 1e3

    def _recorded_s(self) -> float:
        if self._time_s is None:
            raise CudaError("CUDA error: invalid resource handle")
        return self._time_s


class Graph:
    """A torch.cuda.CUDAGraph: the kernels that were captured."""

    gpu: Gpu

    def __init__(self, *_: object, **__: object) -> None:
        self.kernels: list[Kernel] = []

    def replay(self) -> None:
        self.gpu.replay(self.kernels)

    def reset(self) -> None:
        self.kernels.clear()


class Stream:
    """A torch.cuda.Stream; the GPU has one queue, which all streams share."""

    gpu: Gpu
    cuda_stream = 0

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def synchronize(self) -> None:
        self.gpu.synchronise()

    def wait_stream(self, other: object) -> None:
        self.gpu.call()

    wait_event = record_event = wait_stream


class Profile:
    """A torch.profiler.profile that records what the GPU did."""

    gpu: Gpu

    def __init__(self, **_: object) -> None:
        pass

    def __enter__(self) -> Self:
        self.gpu.trace.on = True
        return self

    def __exit__(self, *_: object) -> None:
        self.gpu.trace.on = False

    def export_chrome_trace(self, path: str) -> None:
        self.gpu.trace.write_chrome(Path(path))


def install(host: HostTime) -> None:
    """Put the rehearsal's GPU under the torch of this process."""
    trace = Trace(on=NSYS_TRACE in os.environ)
    if trace.on:
        atexit.register(trace.write, Path(os.environ[NSYS_TRACE]))
    gpu = Gpu(host, trace)
    for kind in (Event, Graph, Stream, Profile):
        kind.gpu = gpu
    for name, value in _replaced(gpu).items():
        setattr(torch.cuda, name, value)
    torch.cuda.nvtx.range = _ranges(gpu)
    for name, value in _profiler(gpu).items():
        setattr(torch.profiler, name, value)
    torch.version.cuda = "13.0"
    OnGpu(gpu).__enter__()  # type: ignore[no-untyped-call]


def _replaced(gpu: Gpu) -> dict[str, Any]:
    """Functions and classes of torch.cuda."""

    @contextmanager
    def graph(one: Graph, **_: object) -> Iterator[None]:
        with gpu.capture(one.kernels):
            yield

    def set_device(device: object) -> None:
        if gpu.is_lost():
            raise CudaError("No CUDA GPUs are available")

    return {
        "is_available": lambda: not gpu.is_lost(),
        "device_count": lambda: 0 if gpu.is_lost() else 1,
        "init": lambda: set_device(0),
        "current_device": lambda: 0,
        "set_device": set_device,
        "get_device_properties": lambda device=None: _properties(),
        "get_device_name": lambda device=None: _properties().name,
        "get_device_capability": lambda device=None: (9, 0),
        "synchronize": lambda device=None: gpu.synchronise(),
        "empty_cache": gpu.call,
        "mem_get_info": lambda device=None: (_properties().total_memory,) * 2,
        "_sleep": lambda cycles: gpu.launch(Kernel("spin_kernel", cycles / FULL_MHZ / 1e6, 120.0)),
        "is_current_stream_capturing": lambda: gpu.capturing is not None,
        "Event": Event,
        "CUDAGraph": Graph,
        "graph": graph,
        "Stream": Stream,
        "stream": lambda one: nullcontext(one),
        "current_stream": lambda device=None: Stream(),
        "default_stream": lambda device=None: Stream(),
        "device": lambda device=None: nullcontext(),
    }


def _profiler(gpu: Gpu) -> dict[str, Any]:
    """Functions and classes of torch.profiler."""
    activities = {*torch.profiler.ProfilerActivity.__members__.values()}
    return {
        "profile": Profile,
        "record_function": _ranges(gpu),
        "supported_activities": lambda: activities,
    }


def _properties() -> SimpleNamespace:
    return SimpleNamespace(
        name="NVIDIA H200 (simulated)",
        uuid=UUID,
        major=9,
        minor=0,
        multi_processor_count=132,
        total_memory=143771 << 20,
        L2_cache_size=L2_BYTES,
    )


def _ranges(gpu: Gpu) -> Any:
    @contextmanager
    def of(name: str, *_: object) -> Iterator[None]:
        begin_s = gpu.host.now_s()
        try:
            yield
        finally:
            gpu.trace.ranged((name, begin_s, gpu.host.now_s()))

    return of
