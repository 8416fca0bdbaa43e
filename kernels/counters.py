"""Counters of split products: zeros that a launch counts in, and leaves as zeros.

Nothing has to clear them, so a split product stays one launch, in a CUDA graph too. Launches that
may run side by side must not share any: a stream keeps its own, because its launches run one after
the other, and so does each call in a graph, because a graph may be replayed beside anything.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import RLock

import torch

MAX_COUNTERS = 1 << 20  # of a GPU: 4 MiB, enough for 4,600 captured calls of 224 tiles
OF_STREAM = 1024
_ALIGNED = 32  # to 128 bytes: no two calls share a cache line, and Triton compiles one kernel
_PER_THREAD = 2  # the handle of cudaStreamPerThread: a stream of its own in each thread

_log = logging.getLogger(__name__)


def counters(x: torch.Tensor, count: int) -> torch.Tensor:
    """Give `count` zeros or more, int32, to a launch on `x`, whose GPU is the current one.

    They are kept where they can be; otherwise (of a GPU all are taken, or the first call of all is
    a captured one) they are new, and clearing them is a launch of its own.
    """
    kept = _kept(x.device, count) if x.is_cuda else None
    if kept is None:
        return torch.zeros(count, dtype=torch.int32, device=x.device)
    return kept


@contextmanager
def lent() -> Iterator[None]:
    """Take back, at the end, all counters that were given meanwhile: for graphs that do not last.

    What was captured meanwhile must not be replayed after, and no other thread may capture.
    """
    before = {device: reserve.state() for device, reserve in _reserves.items()}
    try:
        yield
    finally:
        for device, state in before.items():
            _reserves[device].restore(state)


class Reserve:
    """The counters of one GPU, given out for good."""

    def __init__(self, zeros: torch.Tensor) -> None:
        self._zeros = zeros
        self._taken = 0
        self._of_stream: dict[int, torch.Tensor | None] = {}
        self._lock = RLock()

    def take(self, count: int) -> torch.Tensor | None:
        """Give counters that nothing else has or will have; None where too few are left."""
        with self._lock:
            first, end = self._taken, self._taken + -(-count // _ALIGNED) * _ALIGNED
            if end > len(self._zeros):
                return None
            self._taken = end
        return self._zeros[first:end]

    def of_stream(self, stream: int, count: int) -> torch.Tensor | None:
        """Give the counters of a stream, by its handle."""
        if count > OF_STREAM or stream == _PER_THREAD:
            return None
        with self._lock:
            if stream not in self._of_stream:
                self._of_stream[stream] = self.take(OF_STREAM)
            return self._of_stream[stream]

    def state(self) -> tuple[int, dict[int, torch.Tensor | None]]:
        """What has been given, for `restore`."""
        return self._taken, dict(self._of_stream)

    def restore(self, state: tuple[int, dict[int, torch.Tensor | None]]) -> None:
        """Take back what has been given since."""
        with self._lock:
            self._taken, self._of_stream = state


_reserves: dict[torch.device, Reserve] = {}


def _kept(device: torch.device, count: int) -> torch.Tensor | None:
    capturing = torch.cuda.is_current_stream_capturing()
    if device not in _reserves and not capturing:
        _reserves.setdefault(device, Reserve(_zeros_of_no_graph(device)))
    if device not in _reserves:
        return None
    if not capturing:
        return _reserves[device].of_stream(torch.cuda.current_stream().cuda_stream, count)
    taken = _reserves[device].take(count)
    if taken is None:
        _log.warning("no counters are left on %s: a captured call clears some of its own", device)
    return taken


def _zeros_of_no_graph(device: torch.device) -> torch.Tensor:
    """Allocate zeros that any stream may read, on a thread of their own.

    While torch.compile warms a graph up, all that its thread allocates lies in the graph's pool,
    where nothing may be kept.
    """

    def make() -> torch.Tensor:
        zeros = torch.zeros(MAX_COUNTERS, dtype=torch.int32, device=device)
        if zeros.is_cuda:
            torch.cuda.current_stream(device).synchronize()
        return zeros

    with ThreadPoolExecutor(max_workers=1) as of_its_own:
        return of_its_own.submit(make).result()
