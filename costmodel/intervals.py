"""How far to trust a prediction between knots: conformal intervals from the model's own knots.

Each inner knot is predicted from the others. Its score is how far off that is, as a |log| ratio, in
units of the log-jump of a bracket (a normalised conformal score: Papadopoulos, Gammerman and Vovk
2008). A quantile of the scores of all curves bounds a new prediction, in units of its own bracket.

Leaving a knot out joins two brackets, and the log-jump of the whole would make the scores too small
by about two: half of it stands for a bracket as the model has them. Where a curve is flat, what is
left is noise: the floor keeps chance from making its bracket look certain.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np

from ..store.cost_model import Fit, IntervalScores
from .curve import Floats, Ints, leave_one_out

METHOD: Final = "leave-one-out over the knots, by half the joined log-jump, pooled over curves"
# Repeats of one measurement differ by about 1 %: a smaller log-jump than that is chance.
SMALLEST_FLOOR: Final = 0.01
COVERAGES_PCT: Final = (50, 80, 90, 95)


def interval_scores(curves: Iterable[tuple[Fit, Ints, Floats]]) -> IntervalScores:
    """Score a model's curves, given as (fit, tokens [K], latencies [K])."""
    log_errors, log_jumps = [np.empty(0)], [np.empty(0)]
    for fit, tokens, values in curves:
        log_errors.append(np.abs(np.log(leave_one_out(fit, tokens, values) / values[1:-1])))
        log_jumps.append(np.abs(np.log(values[2:] / values[:-2])) / 2)
    errors, jumps = np.concatenate(log_errors), np.concatenate(log_jumps)
    # Three of four left-out knots are off by less, so that little of the floor is steps.
    floor = max(SMALLEST_FLOOR, float(np.quantile(errors, 0.75))) if len(errors) else SMALLEST_FLOOR
    scores = np.sort(errors / np.maximum(floor, jumps))
    quantiles = {str(percent): _quantile(scores, percent) for percent in COVERAGES_PCT}
    return IntervalScores(method=METHOD, floor=floor, n=len(scores), quantiles=quantiles)


def half_widths(quantile: float, floor: float, log_jumps: Floats) -> Floats:
    """Half width of an interval, as a |log| ratio, in brackets of these log-jumps."""
    return quantile * np.maximum(floor, log_jumps)


def _quantile(ascending: Floats, percent: int) -> float | None:
    """Conformal quantile: the ceil((n + 1) q)-th smallest score, None where there are fewer.

    With it, a new score drawn like these is covered with at least `percent` (Vovk et al. 2005).
    """
    rank = -(-(len(ascending) + 1) * percent // 100)
    return float(ascending[rank - 1]) if rank <= len(ascending) else None
