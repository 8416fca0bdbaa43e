"""Holm's correction of p-values for the number of comparisons."""

import numpy as np

from ..arrays import Float64


def holm(p: Float64) -> Float64:
    """Adjusted p-values [m] of the p-values [m] of one family.

    Below `alpha` they are those that Holm's step-down test rejects (1979, Scandinavian Journal of
    Statistics 6(2), 65-70): the chance that it rejects any true hypothesis is at most `alpha`,
    however the comparisons depend on each other.
    """
    m = len(p)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(m, 0, -1))
    adjusted = np.empty(m)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted
