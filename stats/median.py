"""The interval that a sample's median is known within, without assuming a distribution."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr


def median_interval(
    values: Sequence[float] | npt.NDArray[np.float64], level: float = 0.95
) -> tuple[float, float] | None:
    """Interval of the median of what `values` were drawn from, at confidence `level`.

    Two order statistics hold the median with a probability that the binomial distribution gives,
    for any continuous distribution. No pair of them has exactly `level`, so the two neighbouring
    levels are interpolated between (Hettmansperger and Sheather 1986; for skewed distributions
    Nyblom 1992). None where even the extremes reach less: below 6 values at 95 %.

    Raises ValueError for a value that is not finite and for a level outside [0.5, 1).
    """
    ascending = np.sort(np.asarray(values, dtype=np.float64))
    n = len(ascending)
    if not np.isfinite(ascending).all():
        raise ValueError("a median needs finite values")
    if not 0.5 <= level < 1:
        raise ValueError(f"the level is {level}, and it must be at least 0.5 and below 1")
    # levels[d - 1] is that of the pair d places from the ends
    levels = 1 - 2 * bdtr(np.arange(n // 2 + 1), n, 0.5)
    depth = int(np.count_nonzero(levels >= level))
    if depth == 0:
        return None
    wide, narrow = levels[depth - 1], levels[depth]
    excess = (wide - level) / (wide - narrow)
    share = (n - depth) * excess / (depth + (n - 2 * depth) * excess)
    low = ascending[depth - 1] + share * (ascending[depth] - ascending[depth - 1])
    high = ascending[n - depth] + share * (ascending[n - depth - 1] - ascending[n - depth])
    return float(low), float(high)
