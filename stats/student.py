"""Half widths of the mean's confidence interval by Student's t distribution."""

import math

import numpy as np
import numpy.typing as npt


def half_width(standard_error: float, freedom: int, level: float = 0.95) -> float:
    """Half width of the two-sided interval at confidence `level`: t quantile x standard error.

    `freedom` is the degrees of freedom that the standard error was estimated with, at least 1.
    The result is in the unit of `standard_error`.
    """
    from scipy.special import stdtrit  # here: a look-up in a cost model loads no scipy

    return float(stdtrit(freedom, (1 + level) / 2)) * standard_error


def mean_half_width(values: npt.NDArray[np.float64]) -> float:
    """Half width of the 95 % interval of the mean of independent `values`, two or more."""
    return half_width(float(np.std(values, ddof=1)) / math.sqrt(len(values)), len(values) - 1)
