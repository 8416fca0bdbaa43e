"""How far to trust a prediction between knots: conformal intervals from the model's own knots.

Each inner knot is predicted from the others. Its score is how far off that is, in units of the
log-jump of the bracket that it was predicted across (a normalised conformal score: Papadopoulos,
Gammerman and Vovk 2008). The scores of all curves are pooled, and a quantile of them bounds a new
prediction.

Leaving a knot out joins two brackets into one, which is wider than any that the model uses; and
knots were placed where the curve is hard. So the intervals err on the wide side.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np

from ..store.cost_model import Fit, IntervalScores
from .curve import Floats, Ints, leave_one_out

METHOD: Final = "leave-one-out over the knots, pooled over curves"
# Repeats of one measurement differ by about 1 %, so that a flat bracket is uncertain by as much.
FLOOR: Final = 0.01
COVERAGES_PCT: Final = (50, 80, 90, 95)


def interval_scores(curves: Iterable[tuple[Fit, Ints, Floats]]) -> IntervalScores:
    """Score a model's curves, given as (fit, tokens [K], latencies [K])."""
    scores = np.sort(np.concatenate([np.empty(0), *(_scores(*curve) for curve in curves)]))
    quantiles = {str(percent): _quantile(scores, percent) for percent in COVERAGES_PCT}
    return IntervalScores(method=METHOD, floor=FLOOR, n=len(scores), quantiles=quantiles)


def half_widths(quantile: float, floor: float, log_jumps: Floats) -> Floats:
    """Half width of an interval, as a |log| ratio, in brackets of these log-jumps."""
    return quantile * np.maximum(floor, log_jumps)


def _scores(fit: Fit, tokens: Ints, values: Floats) -> Floats:
    log_errors = np.abs(np.log(leave_one_out(fit, tokens, values) / values[1:-1]))
    scales: Floats = np.maximum(FLOOR, np.abs(np.log(values[2:] / values[:-2])))
    return log_errors / scales


def _quantile(ascending: Floats, percent: int) -> float | None:
    """Conformal quantile: the ceil((n + 1) q)-th smallest score, None where there are fewer.

    With it, a new score drawn like these is covered with at least `percent` (Vovk et al. 2005).
    """
    rank = -(-(len(ascending) + 1) * percent // 100)
    return float(ascending[rank - 1]) if rank <= len(ascending) else None
