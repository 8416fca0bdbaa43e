"""The roofline: the lower bound on the time of a call from its arithmetic and its bytes.

It is the larger of two times, that of the arithmetic at the peak rate and that of the bytes at the
peak bandwidth (Williams, Waterman and Patterson 2009). Utilisation is roofline over latency.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, Final

import numpy as np

from ..stats.arrays import Float64, Int64
from ..stats.routing.distribution import distribution
from ..store.cost_model import ExpertWork, Peaks, Work

_TOLERANCE: Final = 0.01  # relative distance of the work from a line over batch size
OBSERVED: Final = "observed"


@dataclass(frozen=True, slots=True)
class Roofline:
    """The work of one curve and the peak rates of the device, None where unknown."""

    work: Work | ExpertWork
    flops_per_s: float | None
    bytes_per_s: float | None

    def compute_us(self, tokens: Int64 | Float64) -> Float64:
        """Time of the arithmetic at the peak rate, in the shape of `tokens`; 0 where unknown."""
        flops, _ = _amounts(self.work, tokens)
        return np.asarray(flops / (self.flops_per_s or inf) * 1e6, dtype=np.float64)

    def memory_us(self, tokens: Int64 | Float64) -> Float64:
        """Time of the bytes at the peak bandwidth, in the shape of `tokens`; 0 where unknown."""
        _, moved = _amounts(self.work, tokens)
        return np.asarray(moved / (self.bytes_per_s or inf) * 1e6, dtype=np.float64)

    def bound_us(self, tokens: Int64 | Float64) -> Float64:
        """The larger of the two times, in the shape of `tokens`; always positive."""
        bound: Float64 = np.maximum(self.compute_us(tokens), self.memory_us(tokens))
        return bound


def _amounts(work: Work | ExpertWork, tokens: Int64 | Float64) -> tuple[Float64, Float64]:
    """The FLOPs and the bytes of calls, each in the shape of `tokens`."""
    if isinstance(work, Work):
        sizes: Float64 = np.asarray(tokens, dtype=np.float64)
        flops = work.flops_fixed + work.flops_per_token * sizes
        return flops, work.bytes_fixed + work.bytes_per_token * sizes
    shares = np.array(distribution(work.routing, work.experts, work.top_k).held_shares(work.ranks))
    idle = (1 - shares) ** (np.asarray(tokens)[..., None] * work.ranks)
    active = np.maximum(1.0, (1 - idle).sum(axis=-1))
    flops, moved = _amounts(work.rest, tokens)
    return flops + work.flops * active, moved + work.bytes_moved * active


def roofline(work: Work | ExpertWork | None, peaks: Peaks | None, dtype: str) -> Roofline | None:
    """The roofline of `work` on a device with `peaks`; None where it is not known at every size.

    Also None when the peak FLOP rate is unknown: at large batches compute would dominate.
    """
    if work is None or peaks is None:
        return None
    made = Roofline(work, peaks.flops_per_s.get(dtype), peaks.bytes_per_s)
    if made.flops_per_s is None and _amounts(work, np.array([2.0]))[0] > 0:
        return None
    return made if made.bound_us(np.array([1, 1 << 20])).min() > 0 else None


def fit_work(tokens: Int64, flops: Float64, bytes_moved: Float64) -> Work | None:
    """Split work into a fixed part and a part per token, from two sizes [K] or more.

    None where either amount is more than 1 % off a line over the batch size, because such work is
    unknown at other sizes.
    """
    parts: list[float] = []
    for amounts in (flops, bytes_moved):
        slope = (amounts[-1] - amounts[0]) / (tokens[-1] - tokens[0])
        fixed = amounts[0] - slope * tokens[0]
        off = np.abs(fixed + slope * tokens - amounts)
        if slope < 0 or not (off <= _TOLERANCE * amounts).all():
            return None
        parts += [float(max(0.0, fixed)), float(slope)]
    return Work(*parts)


def observed_peaks(rows: Iterable[Mapping[str, Any]], cache_bytes: int | None) -> Peaks:
    """The highest rates that any row of a table of points reached."""
    flops_per_s: dict[str, float] = {}
    bytes_per_s = 0.0
    for row in rows:
        seconds = row["latency_us"] * 1e-6
        if row["flops"]:
            rate = row["flops"] / seconds
            flops_per_s[row["dtype"]] = max(rate, flops_per_s.get(row["dtype"], 0.0))
        if row["bytes_moved"]:
            bytes_per_s = max(bytes_per_s, row["bytes_moved"] / seconds)
    return Peaks(dict(sorted(flops_per_s.items())), bytes_per_s or None, cache_bytes, OBSERVED)
