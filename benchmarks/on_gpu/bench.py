"""How a variant is measured on a GPU: checked, then timed and weighed, within the time left."""

import math
import signal
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any

import torch

from moeprof.device.nvml import Sensors, nvml
from moeprof.store.errors import CannotMeasure

REPLAYS, CALLS, ENERGY_S = 25, 20, 1.0
ROW_S = 60.0  # a peer may tune itself for minutes

Calls = list[Callable[[], Any]]


@dataclass(frozen=True, slots=True)
class Timed:
    """One variant's row. `why` says what is missing, and why; `most` is the error allowed."""

    kernel: str
    size: str
    variant: str
    us: float | None = None
    of_floor: float | None = None
    joules: float | None = None
    error: float | None = None
    most: float | None = None
    why: str | None = None


class Clock:
    """The time that the program may take, from its start on."""

    def __init__(self, limit_s: float) -> None:
        self._end_s = time.monotonic() + limit_s

    def left_s(self) -> float:
        """What is left of it, 0 or less where it is over."""
        return self._end_s - time.monotonic()


@contextmanager
def at_most(limit_s: float) -> Iterator[None]:
    """Raise TimeoutError in what takes longer."""

    def end(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"stopped after {limit_s:.0f} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def poisoned() -> Iterator[None]:
    """Let torch.empty hold NaN, or the largest integer: what a kernel leaves unwritten shows."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        torch.use_deterministic_algorithms(False)


def relative_error(y: torch.Tensor, exact: torch.Tensor) -> float:
    """Distance in the 2-norm, relative to the exact result."""
    return float((y.double() - exact).norm() / exact.norm())


class Bench:
    """Checks and times lists of calls, one for each set of inputs, on GPU 0."""

    def __init__(self, seed: int, clock: Clock) -> None:
        torch.manual_seed(seed)
        properties = torch.cuda.get_device_properties(0)
        self.name, self.l2_bytes = properties.name, properties.L2_cache_size
        self.uuid = f"GPU-{properties.uuid}"
        self.clock = clock

    def sets_for(self, set_bytes: int) -> int:
        """How many sets of inputs walk more than five L2 caches."""
        return max(2, min(4096, 5 * self.l2_bytes // set_bytes + 1))

    def row(
        self,
        what: tuple[str, str, str],
        make: Callable[[], Calls],
        error_of: Callable[[Any], float],
        most: float,
        least_us: float | None = None,
        weigh: bool = True,
    ) -> Timed:
        """Time and weigh a variant, unless its first result is off by more than `most`.

        Whatever else hinders it (a peer may be absent, or fail in any way) is said in the row.
        """
        left_s = self.clock.left_s()
        if left_s <= 0:
            return Timed(*what, why="left out: the time is over")
        try:
            with at_most(min(ROW_S, left_s)):
                calls = make()
                with poisoned():
                    error = error_of(calls[0]())
                if not error <= most:  # nor is NaN
                    why = f"wrong: its error is {error:.3g}; it is not timed"
                    return Timed(*what, error=_finite(error), most=_finite(most), why=why)
                us, graph = self.us(calls)
        except Exception as reason:
            return Timed(*what, most=_finite(most), why=_said(reason))
        row = Timed(*what, us, None if least_us is None else least_us / us, None, error, most)
        if not weigh:
            return row
        try:
            return replace(row, joules=self.joules(graph, len(calls) * _repeats(calls)))
        except Exception as reason:  # the time stays known
            return replace(row, why=f"no energy: {_said(reason)}")

    def us(self, calls: Calls) -> tuple[float, torch.cuda.CUDAGraph]:
        """Median time of one call, and the graph that replays them all."""
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for call in calls[:3]:
                call()
        stream.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            for call in calls * _repeats(calls):
                call()
        times = []
        for _ in range(REPLAYS):
            begin, end = (torch.Event("cuda", enable_timing=True) for _ in range(2))
            begin.record()
            graph.replay()
            end.record()
            end.synchronize()
            times.append(1e3 * begin.elapsed_time(end) / (len(calls) * _repeats(calls)))
        return statistics.median(times), graph

    def joules(self, graph: torch.cuda.CUDAGraph, calls: int) -> float:
        """Energy of one call by NVML's counter, over a second of replays."""
        with nvml() as library:
            sensors = Sensors(library, self.uuid)
            before, began, replays = sensors.energy()[0].value, time.perf_counter(), 0
            while time.perf_counter() - began < ENERGY_S:
                for _ in range(16):
                    graph.replay()
                torch.cuda.synchronize()
                replays += 16
            after = sensors.energy()[0].value
        if before is None or after is None:
            raise CannotMeasure("this GPU has no energy counter")
        return float(after - before) / 1e3 / (replays * calls)


def _finite(value: float) -> float | None:
    """JSON has no other numbers."""
    return value if math.isfinite(value) else None


def _said(reason: Exception) -> str:
    lines = str(reason).splitlines() or [""]
    return f"{type(reason).__name__}: {lines[0][:120]}"


def _repeats(calls: Calls) -> int:
    """How often a graph holds the list, so that it is long enough to be timed."""
    return -(-CALLS // len(calls))
