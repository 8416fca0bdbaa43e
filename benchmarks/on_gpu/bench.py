"""Measure a variant on a GPU: check it, then measure time and energy, within the time left."""

import math
import signal
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from types import FrameType
from typing import Any

import torch

from moeprof.benchmarks.on_gpu.energy import joules, replayed
from moeprof.kernels.checking.poison import poisoned
from moeprof.kernels.tiling.counters import borrowed_counters
from moeprof.stats.median import median_interval

REPLAYS = 25  # timed replays of the graph
CALLS = 100  # least calls in a graph, so that the gap between two graphs is negligible
WARM_S = 0.2  # until clocks are those under load
ROW_S = 60.0  # limit per variant: a peer may tune itself for minutes

Calls = list[Callable[[], Any]]
What = tuple[str, str, str]  # kernel, size, variant


@dataclass(frozen=True, slots=True)
class Timed:
    """One variant's result. `why` says what is missing and why; `most` is the allowed error.

    `us_ci95` is the 95 % interval of the median time over the replays, `joules_ci95` the half width
    of that of the energy.
    """

    kernel: str
    size: str
    variant: str
    us: float | None = None
    of_floor: float | None = None
    joules: float | None = None
    error: float | None = None
    most: float | None = None
    why: str | None = None
    us_ci95: tuple[float, float] | None = None
    joules_ci95: float | None = None


class Clock:
    """The time limit of the program, counted from its start."""

    def __init__(self, limit_s: float) -> None:
        self._end_s = time.monotonic() + limit_s

    def left_s(self) -> float:
        """Seconds left; 0 or less after the limit."""
        return self._end_s - time.monotonic()


class Overdue(BaseException):
    """A time limit was exceeded. Not an Exception, because tuners catch those and continue."""


@contextmanager
def at_most(limit_s: float) -> Iterator[None]:
    """Context that raises Overdue after `limit_s`, as soon as control is back in Python."""

    def end(number: int, frame: FrameType | None) -> None:
        raise Overdue(f"stopped after {limit_s:.0f} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def relative_error(y: torch.Tensor, exact: torch.Tensor) -> float:
    """2-norm of the error, relative to the exact result."""
    return float((y.double() - exact).norm() / exact.norm())


class Bench:
    """Checks and times lists of calls, one for each set of inputs, on GPU 0."""

    def __init__(self, seed: int, clock: Clock) -> None:
        properties = torch.cuda.get_device_properties(0)
        self.name, self.l2_bytes = properties.name, properties.L2_cache_size
        self.uuid = f"GPU-{properties.uuid}"
        self.clock = clock
        self._seed = seed

    def sets_for(self, set_bytes: int) -> int:
        """Number of input sets that are together larger than five L2 caches."""
        return max(2, min(4096, 5 * self.l2_bytes // set_bytes + 1))

    def generator(self) -> torch.Generator:
        """A new generator with the same seed for each problem.

        Torch's default generator is unusable after a capture that failed.
        """
        return torch.Generator("cuda").manual_seed(self._seed)

    def rows(self, what: What, make: Callable[[], Iterable[Timed]]) -> Iterator[Timed]:
        """Yield the rows of one problem, or a row that says why it could not be set up."""
        if self.clock.left_s() <= 0:
            yield Timed(*what, why="left out: the time is over")
            return
        try:
            yield from make()
        except Exception as reason:
            yield Timed(*what, why=_said(reason))

    @borrowed_counters()  # its graph is not used after it
    def row(
        self,
        what: What,
        make: Callable[[], Calls],
        error_of: Callable[[Any], float],
        most: float,
        least_us: float | None = None,
        weigh: bool = True,
    ) -> Timed:
        """Measure time and energy of a variant, unless its first result's error exceeds `most`.

        Any other failure (a peer may be absent, or fail in any way) is named in the row.
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
                calls *= -(-CALLS // len(calls))
                times_us, graph = timed(calls)
        except (Exception, Overdue) as reason:
            return Timed(*what, most=_finite(most), why=_said(reason))
        us = statistics.median(times_us)
        of_floor = None if least_us is None else least_us / us
        interval = median_interval(times_us)
        row = Timed(*what, us, of_floor, None, error, most, us_ci95=interval)
        if not weigh:
            return row
        try:
            energy = joules(graph, len(calls), self.uuid)
            return replace(row, joules=energy.value, joules_ci95=energy.ci95)
        except Exception as reason:  # the time is kept
            return replace(row, why=f"no energy: {_said(reason)}")


def timed(calls: Calls) -> tuple[list[float], torch.cuda.CUDAGraph]:
    """Mean time of a call in each replay, us, and the graph of all calls.

    Replays are queued, so that between two of them no launch is waited for, and each starts with
    the caches that the last sets of inputs left.
    """
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    # The capture is inside, because a failed capture leaves its stream current.
    with torch.cuda.stream(stream):
        for call in calls[:3]:
            call()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            for call in calls:
                call()
        replayed(graph, WARM_S)
        ends = [torch.Event("cuda", enable_timing=True) for _ in range(REPLAYS + 1)]
        for end in ends:
            graph.replay()
            end.record()
        stream.synchronize()
    times_us = [1e3 * begin.elapsed_time(end) / len(calls) for begin, end in pairwise(ends)]
    return times_us, graph


def _finite(value: float) -> float | None:
    """None for NaN and infinity, which JSON lacks."""
    return value if math.isfinite(value) else None


def _said(reason: BaseException) -> str:
    lines = str(reason).splitlines() or [""]
    return f"{type(reason).__name__}: {lines[0][:120]}"
