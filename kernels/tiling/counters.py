"""Counters of split products: int32 zeros, which a launch counts up and sets back to zero.

Nothing clears them between launches, so a split product is one launch, in a CUDA graph too. Two
launches that may run at the same time must not share counters. The launches of one stream run one
after the other and share the stream's counters. Each captured call has its own for good, because
its graph may be replayed beside anything.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import RLock

import torch

MAX_COUNTERS = 1 << 20  # per GPU: 4 MiB, enough for 4,600 captured calls of 224 tiles
OF_STREAM = 1024  # per stream
_ALIGNED = 32  # 128 bytes: no two calls share a cache line, and Triton compiles one kernel
_PER_THREAD = 2  # handle of cudaStreamPerThread, which is another stream in each thread

_log = logging.getLogger(__name__)


def counters(x: torch.Tensor, count: int) -> torch.Tensor:
    """Return int32 zeros [count or more] for a launch on `x`, whose GPU is the current one.

    They come from the GPU's reserve. A CPU has none; on a GPU it may be used up, or not yet exist
    while a graph is captured: then they are allocated, and clearing them is a second launch.
    """
    kept = _kept(x.device, count) if x.is_cuda else None
    if kept is None:
        return torch.zeros(count, dtype=torch.int32, device=x.device)
    return kept


@contextmanager
def borrowed_counters() -> Iterator[None]:
    """Context whose captured calls give their counters back at its end.

    A graph captured in it must not be replayed after it, and no other thread may capture in it.
    """
    before = {device: reserve.state() for device, reserve in reserves.items()}
    try:
        yield
    finally:
        for device, state in before.items():
            reserves[device].restore(state)


class Reserve:
    """The counters of one GPU, each given out once."""

    def __init__(self, zeros: torch.Tensor) -> None:
        self._zeros = zeros
        self._taken = 0
        self._of_stream: dict[int, torch.Tensor | None] = {}
        self._lock = RLock()

    def take(self, count: int) -> torch.Tensor | None:
        """Return counters that nothing else has or gets; None if too few are left."""
        with self._lock:
            first, end = self._taken, self._taken + -(-count // _ALIGNED) * _ALIGNED
            if end > len(self._zeros):
                return None
            self._taken = end
        return self._zeros[first:end]

    def of_stream(self, stream: int, count: int) -> torch.Tensor | None:
        """Return the counters of a stream by its handle; None if it can keep none."""
        if count > OF_STREAM or stream == _PER_THREAD:
            return None
        with self._lock:
            if stream not in self._of_stream:
                self._of_stream[stream] = self.take(OF_STREAM)
            return self._of_stream[stream]

    def state(self) -> tuple[int, dict[int, torch.Tensor | None]]:
        """What has been given out, for `restore`."""
        return self._taken, dict(self._of_stream)

    def restore(self, state: tuple[int, dict[int, torch.Tensor | None]]) -> None:
        """Take back what has been given out since `state`."""
        with self._lock:
            self._taken, self._of_stream = state


reserves: dict[torch.device, Reserve] = {}  # filled by the first call on each GPU


def _kept(device: torch.device, count: int) -> torch.Tensor | None:
    capturing = torch.cuda.is_current_stream_capturing()
    if device not in reserves and not capturing:
        reserves.setdefault(device, Reserve(_zeros_outside_graphs(device)))
    if device not in reserves:
        return None
    if not capturing:
        return reserves[device].of_stream(torch.cuda.current_stream().cuda_stream, count)
    taken = reserves[device].take(count)
    if taken is None:
        _log.warning("no counters are left on %s: a captured call clears some of its own", device)
    return taken


def _zeros_outside_graphs(device: torch.device) -> torch.Tensor:
    """Allocate zeros that every stream may read, on a new thread.

    While torch.compile warms up a graph, what its thread allocates belongs to the graph's memory
    pool and may be overwritten.
    """

    def make() -> torch.Tensor:
        zeros = torch.zeros(MAX_COUNTERS, dtype=torch.int32, device=device)
        if zeros.is_cuda:
            torch.cuda.current_stream(device).synchronize()
        return zeros

    with ThreadPoolExecutor(max_workers=1) as executor:
        return executor.submit(make).result()
