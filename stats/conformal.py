"""Conformal prediction: intervals from the errors of points that a fit never saw."""

from types import MappingProxyType
from typing import Final

from .arrays import Float64

COVERAGES_PCT: Final = (50, 80, 90, 95)
# Half widths of normal intervals of these coverages, relative to that at 95 %.
OF_95: Final = MappingProxyType({50: 0.344, 80: 0.654, 90: 0.839, 95: 1.0})


def conformal_quantile(ascending: Float64, percent: int) -> float | None:
    """The ceil((n + 1) percent / 100)-th smallest of n scores [n]; None where n is too small.

    A new score that is exchangeable with these is at most as large with a probability of at least
    `percent` (Vovk, Gammerman and Shafer 2005).
    """
    rank = -(-(len(ascending) + 1) * percent // 100)
    return float(ascending[rank - 1]) if rank <= len(ascending) else None
