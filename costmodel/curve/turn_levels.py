"""What the intervals of a model owe to the moments at which its curves were measured.

All points of a curve share the level of its two turns: no point that was measured in them shows how
the operation does in another minute and another process. The two turns show it. With D the log
ratio of the second turn's level to the first's, the level of one turn has the variance D² / 2 (two
independent readings), and this is also the variance of the difference between two runs, which are
means of two turns each. One curve says little, so the D² of all are pooled.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np

from ...stats.student import half_width

_MIN_POINTS: Final = 4  # that were measured in both turns; with fewer, noise would pass for level


def turns_half_width_95(turns_apart: Iterable[list[float]]) -> float | None:
    """Half width of the 95 % interval of a curve's level in another run, as a |log| ratio.

    `turns_apart` are, by curve, the log ratios of the second repeat of a point to the first. None
    where no curve was measured in two turns at the usual speed of the machine.
    """
    apart = [np.median(points) for points in turns_apart if len(points) >= _MIN_POINTS]
    if not apart:
        return None
    return half_width(float(np.sqrt(np.mean(np.square(apart)) / 2)), len(apart))
