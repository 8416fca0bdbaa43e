"""Intervals of predictions, from errors on configurations that no fit saw."""

import numpy as np

from ....stats.conformal import COVERAGES_PCT, conformal_quantile
from ..features.steps import Array
from .digits import rounded


def interval_factors(log_ratios: Array) -> dict[str, float]:
    """By coverage in percent, the factor within which further values lie, up or down.

    `log_ratios` (n,) are the logarithms of measured over predicted, or the inverse. A coverage that
    n is too small for is not there.
    """
    ascending = np.sort(np.abs(log_ratios))
    quantiles = {percent: conformal_quantile(ascending, percent) for percent in COVERAGES_PCT}
    return {
        str(percent): rounded(float(np.exp(value)))
        for percent, value in quantiles.items()
        if value is not None
    }
