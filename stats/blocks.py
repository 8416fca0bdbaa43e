"""Means over repeated blocks, with the spread between blocks pooled over all points.

Repeats of a point some minutes apart differ by more than the interval of one repeat, because
temperature, clocks and neighbours change in between. Two repeats cannot estimate a variance, so the
relative spread is pooled over all points of an operation, which share it.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from .arrays import Float64
from .measured import Measured
from .student import half_width

NO_BLOCK: Final = "no block of this point was measured"


def means_over_blocks(points: Sequence[Sequence[float | None]]) -> list[Measured]:
    """Mean of each point over its blocks; the half width comes from the pooled relative spread.

    `points[i]` holds one value per block, None where the block has none. The spread is that of
    value / mean of the point, so all values of a point must have one sign. The half width is None
    where no point has two blocks.
    """
    blocks = [np.array([v for v in values if v is not None]) for values in points]
    relative = _relative_half_width(blocks)
    return [_mean(values, relative) for values in blocks]


def _relative_half_width(blocks: Sequence[Float64]) -> float | None:
    """Half width of one value's interval over its point's mean; None without a repeat."""
    freedom = sum(max(len(values) - 1, 0) for values in blocks)
    if freedom == 0:
        return None
    squares = sum(
        float((((values / values.mean()) - 1) ** 2).sum()) for values in blocks if len(values) > 1
    )
    return half_width(math.sqrt(squares / freedom), freedom)


def _mean(values: Float64, relative: float | None) -> Measured:
    """Mean over blocks; `relative` is the half width of one block's value over the mean."""
    if not len(values):
        return Measured(None, None, 0, NO_BLOCK)
    mean = float(values.mean())
    ci95 = None if relative is None else abs(mean) * relative / math.sqrt(len(values))
    return Measured(mean, ci95, len(values))
