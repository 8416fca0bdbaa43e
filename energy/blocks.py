"""The mean of one quantity over repeated blocks, with what separates the blocks in its interval.

A window's own interval says how well that window was measured. Measured again half an hour later,
the same point differs by more: by temperature, by neighbours, by clocks. Two blocks a point know
that spread badly; an operation's points together know it well, because it is much the same in
relative terms for all of them.
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit

from .counter import Measured


def means_over_blocks(points: Sequence[Sequence[float | None]]) -> list[Measured]:
    """Mean of each point over its blocks, with intervals from the spread pooled over the points.

    `points[i]` holds one value per block, None where the block gave none. The spread is that of
    value / point's mean, so the values of a point must have one sign. The interval is None where no
    point has two blocks.
    """
    blocks = [np.array([v for v in values if v is not None]) for values in points]
    freedom = sum(max(len(values) - 1, 0) for values in blocks)
    squares = sum(
        float((((values / values.mean()) - 1) ** 2).sum()) for values in blocks if len(values) > 1
    )
    if freedom == 0:
        return [_mean(values, None) for values in blocks]
    spread = math.sqrt(squares / freedom) * float(stdtrit(freedom, 0.975))
    return [_mean(values, spread) for values in blocks]


def _mean(values: np.ndarray[tuple[int], np.dtype[np.float64]], spread: float | None) -> Measured:
    if not len(values):
        return Measured(None, None, 0, "no block of this point was measured")
    mean = float(values.mean())
    ci95 = None if spread is None else abs(mean) * spread / math.sqrt(len(values))
    return Measured(mean, ci95, len(values))
