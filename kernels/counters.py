"""Counters of split products: zeros that a launch counts in, and leaves as zeros.

Nothing has to clear them, so a split product stays one launch, in a CUDA graph too. Launches that
may run side by side must not share any: a stream keeps its own, because its launches run one after
the other, and so does each call in a graph, because a graph may be replayed beside anything.
"""

from __future__ import annotations

from threading import Lock, Thread

import torch

MOST = 1 << 20  # of a GPU: 4 MiB, enough for 4,600 captured calls of 224 tiles
OF_STREAM = 4096
_ALIGNED = 32  # to 128 bytes: no two calls share a cache line, and Triton compiles one kernel


def counters(x: torch.Tensor, count: int) -> torch.Tensor:
    """Give `count` zeros or more, int32, to a launch on `x`, whose GPU is the current one.

    They are kept where they can be; otherwise (of a GPU all are taken, or the first call of all is
    a captured one) they are new, and clearing them is a launch of its own.
    """
    kept = _kept(x.device, count) if x.is_cuda else None
    if kept is None:
        return torch.zeros(count, dtype=torch.int32, device=x.device)
    return kept


class Reserve:
    """The counters of one GPU, given out for good."""

    def __init__(self, zeros: torch.Tensor) -> None:
        self._zeros = zeros
        self._taken = 0
        self._of_stream: dict[int, torch.Tensor | None] = {}
        self._lock = Lock()

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
        if count > OF_STREAM:
            return None
        if stream not in self._of_stream:
            self._of_stream[stream] = self.take(OF_STREAM)
        return self._of_stream[stream]


_reserves: dict[torch.device, Reserve] = {}


def _kept(device: torch.device, count: int) -> torch.Tensor | None:
    capturing = torch.cuda.is_current_stream_capturing()
    if device not in _reserves and not capturing:
        _reserves.setdefault(device, Reserve(_zeros_of_no_graph(device)))
    if device not in _reserves:
        return None
    if capturing:
        return _reserves[device].take(count)
    return _reserves[device].of_stream(torch.cuda.current_stream().cuda_stream, count)


def _zeros_of_no_graph(device: torch.device) -> torch.Tensor:
    """Allocate zeros that any stream may read, on a thread of their own.

    While torch.compile warms a graph up, all that its thread allocates lies in the graph's pool,
    where nothing may be kept.
    """
    made: list[torch.Tensor] = []

    def make() -> None:
        made.append(torch.zeros(MOST, dtype=torch.int32, device=device))
        if device.type == "cuda":
            torch.cuda.current_stream(device).synchronize()

    thread = Thread(target=make)
    thread.start()
    thread.join()
    return made[0]
