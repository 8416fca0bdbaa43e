"""torch.cuda without a GPU: a queue that works in real time, and events that are stamps on it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch


class FakeGpu:
    """Work is a time; what is captured is kept, everything else begins when the queue is free."""

    def __init__(self, call_s: float, *, captures: bool = True, host_s: float = 0.0) -> None:
        self.call_s = call_s
        self._captures = captures
        self._host_s = host_s
        self._free_s = 0.0
        self._capturing: list[float] | None = None

    def enqueue(self, work_s: float) -> None:
        if self._capturing is not None:
            self._capturing.append(work_s)
            return
        _pass(self._host_s)
        now_s = time.monotonic()
        self._free_s = max(now_s, self._free_s) + work_s

    def run(self, *inputs: object) -> None:
        self.enqueue(self.call_s)

    def event(self, enable_timing: bool) -> "FakeEvent":
        return FakeEvent(self)

    def synchronize(self, *device: object) -> None:
        time.sleep(max(0.0, self._free_s - time.monotonic()))

    @property
    def now_s(self) -> float:
        return max(time.monotonic(), self._free_s)

    @contextmanager
    def graph(self, graph: "FakeGraph") -> Iterator[None]:
        if not self._captures:
            raise RuntimeError("operation not permitted when stream is capturing")
        self._capturing = graph.work_s
        yield
        self._capturing = None

    def install(self, patch: pytest.MonkeyPatch) -> None:
        replaced: dict[str, Any] = {
            "Event": self.event,
            "CUDAGraph": lambda: FakeGraph(self),
            "graph": self.graph,
            "synchronize": self.synchronize,
            "_sleep": lambda cycles: self.enqueue(2e-6),
            "empty_cache": lambda: None,
        }
        for name, value in replaced.items():
            patch.setattr(torch.cuda, name, value)


class FakeEvent:
    def __init__(self, gpu: FakeGpu) -> None:
        self._gpu = gpu
        self.time_s = 0.0

    def record(self) -> None:
        self.time_s = self._gpu.now_s

    def synchronize(self) -> None:
        time.sleep(max(0.0, self.time_s - time.monotonic()))

    def query(self) -> bool:
        return time.monotonic() >= self.time_s

    def elapsed_time(self, end: "FakeEvent") -> float:
        return (end.time_s - self.time_s) * 1000


class FakeGraph:
    def __init__(self, gpu: FakeGpu) -> None:
        self._gpu = gpu
        self.work_s: list[float] = []

    def replay(self) -> None:
        self._gpu.enqueue(sum(self.work_s))


def _pass(seconds: float) -> None:
    end_s = time.perf_counter() + seconds
    while time.perf_counter() < end_s:
        pass
