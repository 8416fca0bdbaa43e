"""The least time that a call can take: its arithmetic at full rate, or its bytes at full bandwidth.

Both are lower bounds, and the larger of the two is the roofline (Williams, Waterman and Patterson
2009). Utilisation is the roofline over the time measured.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, Final

import numpy as np

from ..stats.arrays import Float64, Int64
from ..store.cost_model import Peaks, Work

_TOLERANCE: Final = 0.01  # an operation whose work is further off a line has no `Work`
OBSERVED: Final = "observed"


@dataclass(frozen=True, slots=True)
class Roofline:
    """The bounds of one curve: its work at the device's rates, both None where unknown."""

    work: Work
    flops_per_s: float | None
    bytes_per_s: float | None

    def compute_us(self, tokens: Int64 | Float64) -> Float64:
        """Time of the arithmetic at full rate, in the shape of `tokens`; 0 where unknown."""
        flops = self.work.flops_fixed + self.work.flops_per_token * tokens
        return np.asarray(flops / (self.flops_per_s or inf) * 1e6, dtype=np.float64)

    def memory_us(self, tokens: Int64 | Float64) -> Float64:
        """Time of the bytes at full bandwidth, in the shape of `tokens`; 0 where unknown."""
        moved = self.work.bytes_fixed + self.work.bytes_per_token * tokens
        return np.asarray(moved / (self.bytes_per_s or inf) * 1e6, dtype=np.float64)

    def bound_us(self, tokens: Int64 | Float64) -> Float64:
        """The larger of the two; positive, or the roofline would not have been made."""
        bound: Float64 = np.maximum(self.compute_us(tokens), self.memory_us(tokens))
        return bound


def roofline(work: Work | None, peaks: Peaks | None, dtype: str) -> Roofline | None:
    """Bring work and peaks together; None where they do not bound anything at every size.

    Nor do they where there is arithmetic, and its rate is not known: beyond some size it counts.
    """
    if work is None or peaks is None:
        return None
    made = Roofline(work, peaks.flops_per_s.get(dtype), peaks.bytes_per_s)
    if made.flops_per_s is None and work.flops_per_token > 0:
        return None
    return made if made.bound_us(np.array([1, 1 << 20])).min() > 0 else None


def fit_work(tokens: Int64, flops: Float64, bytes_moved: Float64) -> Work | None:
    """Read off work as a fixed part and a part per token, from at least two sizes [K].

    None where either is more than 1 % off a line: such work cannot be told beyond what was
    measured.
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
    """Take the best rates that any measured row reached, of a table of points."""
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
