"""The median of a sample and the interval it is known within, without assuming a distribution."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr


def median_interval(
    values: Sequence[float] | npt.NDArray[np.float64], level: float = 0.95
) -> tuple[float, float] | None:
    """Interval of the median by order statistics, at `level` or above; None for too few values.

    Of n independent values the number below the median is binomial(n, 1/2), so the k-th smallest
    and the k-th largest enclose it with probability 1 - 2 P(X < k); k is the largest that keeps
    this at `level` (Conover, Practical Nonparametric Statistics, 3rd ed., section 3.2). At 95 %
    that takes 6 values.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    n = len(ordered)
    k = int(np.searchsorted(bdtr(np.arange(n), n, 0.5), (1 - level) / 2, side="right"))
    if k < 1:
        return None
    return float(ordered[k - 1]), float(ordered[-k])
