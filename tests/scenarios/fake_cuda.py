"""torch.cuda without a GPU: a queue on a clock of its own, and events that are times on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from moeprof.tests.scenarios.fake_time import FakeTime

CLOCK_HZ = 1.98e9


class FakeGpu:
    """A queue of work, each item a duration. Captured work waits for a replay of its graph.

    The host needs `host_s` for each launch and each event.
    """

    def __init__(
        self, clock: FakeTime, call_s: float, *, captures: bool = True, host_s: float = 0.0
    ) -> None:
        self.clock = clock
        self.call_s = call_s
        self._captures = captures
        self._host_s = host_s
        self._free_s = 0.0
        self._capturing: list[float] | None = None

    def enqueue(self, work_s: float) -> None:
        if self._capturing is not None:
            self._capturing.append(work_s)
            return
        self.host_works()
        self._free_s = self.free_s + work_s

    def host_works(self) -> None:
        self.clock.advance(self._host_s)

    def run(self, *inputs: object) -> None:
        self.enqueue(self.call_s)

    def event(self, enable_timing: bool) -> "FakeEvent":
        return FakeEvent(self)

    def synchronize(self, *device: object) -> None:
        self.wait_until(self._free_s)

    def wait_until(self, end_s: float) -> None:
        self.clock.advance(max(0.0, end_s - self.clock.monotonic()))

    @property
    def free_s(self) -> float:
        """When all work queued so far has ended."""
        return max(self.clock.monotonic(), self._free_s)

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
            "empty_cache": lambda: None,
            "_sleep": lambda cycles: self.enqueue(cycles / CLOCK_HZ),
        }
        for name, value in replaced.items():
            patch.setattr(torch.cuda, name, value)


class FakeEvent:
    def __init__(self, gpu: FakeGpu) -> None:
        self._gpu = gpu
        self.time_s = 0.0

    def record(self) -> None:
        self.time_s = self._gpu.free_s
        self._gpu.host_works()

    def synchronize(self) -> None:
        self._gpu.wait_until(self.time_s)

    def query(self) -> bool:
        return self._gpu.clock.monotonic() >= self.time_s

    def elapsed_time(self, end: "FakeEvent") -> float:
        return (end.time_s - self.time_s) * 1000


class FakeGraph:
    def __init__(self, gpu: FakeGpu) -> None:
        self._gpu = gpu
        self.work_s: list[float] = []

    def replay(self) -> None:
        self._gpu.enqueue(sum(self.work_s))
