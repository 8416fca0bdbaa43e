"""The physics gate: refuse measurements that are faster than their roofline.

Such a row has a wrong unit, work that was counted but not done, or inputs from a cache. Two
allowances keep correct rows: 5 % above the data sheet's rates, for boost clocks, and no time for
bytes that fit into the L2 cache.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..store.cost_model import Peaks
from ..store.errors import BadInput

_TOLERANCE: Final = 1.05
_US_PER_MS: Final = 1000.0  # the factor by which a time in ms that is taken for us is too fast


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row faster than its roofline `floor_us`; `why` names the likely cause."""

    latency_us: float
    floor_us: float
    bound: str
    why: str

    @property
    def too_fast_by(self) -> float:
        """The factor by which the latency is below the floor."""
        return self.floor_us / self.latency_us

    def sentence(self, row: str) -> str:
        """One sentence with the row, its latency, the floor and the likely cause."""
        return (
            f"{row} took {self.latency_us:.4g} us, and {self.bound} alone takes "
            f"{self.floor_us:.4g} us: {self.why}"
        )


def check_row(
    latency_us: float, flops: float, bytes_moved: float, peaks: Peaks, *, dtype: str
) -> Refusal | None:
    """Compare one row with its roofline; None where it is possible.

    `bytes_moved` counts each operand once. Bytes up to the size of the L2 cache are not counted
    against memory: what is written may stay in the cache even where inputs are cold. An unknown
    peak refuses nothing.
    """
    compute_us, memory_us = floors_us(flops, bytes_moved, peaks, dtype=dtype)
    floor_us = max(compute_us, memory_us)
    if latency_us * _TOLERANCE >= floor_us:
        return None
    bound = "its arithmetic" if compute_us >= memory_us else "reading its operands"
    return Refusal(latency_us, floor_us, bound, _likely_cause(latency_us, floor_us, bound))


def floors_us(flops: float, bytes_moved: float, peaks: Peaks, *, dtype: str) -> tuple[float, float]:
    """The shortest time of the arithmetic and that of the bytes beyond the L2; 0 where unknown."""
    rate, bandwidth = peaks.flops_per_s.get(dtype), peaks.bytes_per_s
    from_memory = max(0.0, bytes_moved - (peaks.cache_bytes or 0))
    compute_us = flops / rate * 1e6 if rate else 0.0
    return compute_us, from_memory / bandwidth * 1e6 if bandwidth else 0.0


def _likely_cause(latency_us: float, floor_us: float, bound: str) -> str:
    ratio = floor_us / latency_us
    if ratio >= _US_PER_MS / 20:
        return "the times look like ms or s where us are meant"
    if ratio > 3:
        return "the kernel did not do all of this work, or its time is not that of the call"
    if bound == "reading its operands":
        return "operands came from a cache, or fewer bytes were read than are counted"
    return "the dtype is not the one that was run, or fewer operations were done than are counted"


def refuse_impossible(rows: Sequence[Mapping[str, Any]], peaks: Peaks | None) -> None:
    """Refuse a table of points with rows faster than `peaks` allow.

    Raises BadInput with the row that is too fast by the largest factor, its floor and the likely
    cause. Rows of unknown work pass; without `peaks` every row does.
    """
    refusals = [
        (row, refusal)
        for row in rows
        if (refusal := None if peaks is None else check_point(row, peaks)) is not None
    ]
    if refusals:
        row, refusal = max(refusals, key=lambda one: one[1].too_fast_by)
        name = f"{row['curve']} at batch size {row['tokens']}"
        raise BadInput(
            f"{len(refusals)} of {len(rows)} points are faster than the device can be: "
            f"{refusal.sentence(name)}",
            hint="look at the unit, the dtype and the shape of these rows; profile them again",
        )


def check_point(row: Mapping[str, Any], peaks: Peaks) -> Refusal | None:
    """Compare a row of `points` with its roofline; None where possible or of unknown work."""
    if row["flops"] is None or row["bytes_moved"] is None or row["latency_us"] is None:
        return None
    return check_row(row["latency_us"], row["flops"], row["bytes_moved"], peaks, dtype=row["dtype"])
