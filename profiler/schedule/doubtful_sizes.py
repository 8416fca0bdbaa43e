"""Which sizes are measured again because the machine may have been slow at that moment."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from ...parsers.points import SPREAD_LIMIT
from .observations import Observations


@dataclass(frozen=True, slots=True)
class DoubtLimits:
    """Limits above which a size is doubtful, and is measured again.

    `spread` is the interquartile range of a size's calls over their median, `excess` the share by
    which the size took longer than the next larger one.
    """

    spread: float = SPREAD_LIMIT
    excess: float = 0.05


LIMITS: Final = DoubtLimits()


def doubtful_sizes(observed: Observations, limits: DoubtLimits) -> set[int]:
    """Sizes whose calls spread too much, or that took longer than the next larger size."""
    ascending = sorted(observed.time_ns.items())
    too_long = {
        size
        for (size, time_ns), (_, next_ns) in pairwise(ascending)
        if time_ns > (1 + limits.excess) * next_ns
    }
    return too_long | {size for size, spread in observed.spread.items() if spread > limits.spread}
