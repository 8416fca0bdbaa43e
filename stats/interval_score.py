"""The interval score: how good intervals are, by their width and by what they miss."""

import numpy as np

from .arrays import Float64


def interval_scores(errors: Float64, half_widths: Float64, percent: int) -> Float64:
    """Interval score of each of N symmetric intervals [N], in the unit of `errors`; less is better.

    `errors` [N] are the distances of the truths from the predictions, `half_widths` [N] those of
    the intervals' ends, of nominal coverage `percent`. The score is the width of the interval, plus
    2 / (1 - coverage) times the distance by which it misses the truth. Its mean is smallest where
    the ends are the true quantiles (Gneiting and Raftery 2007, "Strictly proper scoring rules",
    section 6.2; Winkler 1972).
    """
    missed = np.maximum(0.0, np.abs(errors) - half_widths)
    scores: Float64 = 2 * half_widths + 2 / (1 - percent / 100) * missed
    return scores
