"""What a layer takes as one unit, beside the sum of its parts: a fitted term with an interval.

By itself each part is called with a synchronisation around it and finds its inputs as cold as the
weights; in a layer one part follows another, and finds the rows that the one before it left in the
cache. Launch gaps between kernels, what overlaps, and these two differ from machine to machine, so
they are fitted where both the layer and all of its parts were measured:

    layer = (1 - overlap_share) * sum + gap_us * (parts - 1)

Divided by the sum this is a line in (parts - 1) / sum. It is fitted by the median of the slopes of
all pairs of sizes (Theil 1950, Sen 1968), which a few disturbed sizes do not move.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from ...stats.arrays import Float64
from ...stats.conformal import conformal_quantile
from ...stats.median import median_interval
from ...store.document import MAX_LOG_RATIO
from ...store.fitted_runs import LayerDifference

FEWEST_SIZES: Final = 6  # below it, no order statistic bounds a median at 95 %
_LEAST_SHARE: Final = 0.01


def fit_difference(
    layer_us: Sequence[float], sum_us: Sequence[float], parts: int
) -> LayerDifference:
    """Fit to the latencies [N] of the layer and of the sum of its `parts`, N >= FEWEST_SIZES."""
    sums = np.array(sum_us)
    per_sum, ratios = (parts - 1) / sums, np.array(layer_us) / sums
    gap_us, least_us, most_us = _slope(per_sum, ratios)
    levels = ratios - gap_us * per_sum
    bounds = median_interval(levels)
    errors = np.sort(_left_out_errors(per_sum, ratios))
    half_95 = conformal_quantile(errors, 95)
    widest = 2 * float(errors[-1])  # where they are too few for a quantile
    return LayerDifference(
        gap_us=gap_us,
        overlap_share=1 - float(np.median(levels)),
        gap_us_95=(least_us, most_us),
        overlap_share_95=None if bounds is None else (1 - bounds[1], 1 - bounds[0]),
        half_95=min(widest if half_95 is None else half_95, MAX_LOG_RATIO),
        n=len(ratios),
    )


def as_one_unit_us(difference: LayerDifference, sum_us: float, parts: int) -> float:
    """Latency in us of a layer whose `parts` take `sum_us` one by one.

    Far below the sizes of the fit a line may lead to no time at all: a hundredth is left.
    """
    line_us = (1 - difference.overlap_share) * sum_us + difference.gap_us * (parts - 1)
    return max(line_us, _LEAST_SHARE * sum_us)


def _slope(places: Float64, values: Float64) -> tuple[float, float, float]:
    """The median slope and its 95 % interval; zeros where all places are the same."""
    from scipy.stats import theilslopes  # here: a look-up in a cost model loads no scipy

    if np.ptp(places) == 0:
        return 0.0, 0.0, 0.0
    found = theilslopes(values, places, 0.95)
    return float(found.slope), float(found.low_slope), float(found.high_slope)


def _left_out_errors(places: Float64, values: Float64) -> Float64:
    """|log| error of each value when it is predicted from the others, [N]."""
    errors = np.empty(len(values))
    for place in range(len(values)):
        rest = np.arange(len(values)) != place
        slope, _, _ = _slope(places[rest], values[rest])
        level = np.median(values[rest] - slope * places[rest])
        predicted = max(level + slope * places[place], np.finfo(float).tiny)
        errors[place] = abs(np.log(predicted / values[place]))
    return errors
