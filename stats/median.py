"""The confidence interval of a median, for any continuous distribution."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def median_interval(
    values: Sequence[float] | npt.NDArray[np.float64], level: float = 0.95
) -> tuple[float, float] | None:
    """Interval of the median of the population that `values` are a sample of.

    Two order statistics enclose the median with a probability that the binomial distribution gives,
    for any continuous distribution. No pair has exactly the confidence `level`, so the pairs with
    the next higher and the next lower confidence are interpolated (Hettmansperger and Sheather
    1986; for skewed distributions Nyblom 1992). None where the smallest and the largest value
    enclose it with less: below 6 values at 95 %.

    Raises ValueError for a value that is not finite and for a level outside [0.5, 1).
    """
    from scipy.special import bdtr  # here: a look-up in a cost model loads no scipy

    ascending = np.sort(np.asarray(values, dtype=np.float64))
    n = len(ascending)
    if not np.isfinite(ascending).all():
        raise ValueError("a median needs finite values")
    if not 0.5 <= level < 1:
        raise ValueError(f"the level is {level}, and it must be at least 0.5 and below 1")
    # levels[d - 1] is the confidence of the d-th smallest and the d-th largest value
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
