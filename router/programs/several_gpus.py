"""Program C where many demands bound the period: one for each GPU, and one for the cap.

The interior-point method finds weights of the demands and loads. Both are certified by the dual,
whose bound holds for any weights, however they were found.
"""

import numpy as np

from .dual import DualPoint, LoadDual
from .interior_point import CentralPath
from .two_demands import Optimum

_MOST_STEPS, _TOLERANCE, _ROUNDING = 100, 5e-7, 1e-10


def solve_several(dual: LoadDual) -> Optimum:
    """Follow the central path until the dual certifies a gap of half a millionth.

    The dual is asked once the path's own gap is as small. Of the loads that follow from the weights
    and those of the path, the better ones are the answer.
    """
    path = CentralPath(dual.pieces())
    found = _certified(dual, path)
    for _ in range(_MOST_STEPS):
        if found.gap <= _TOLERANCE or path.gap_j <= _ROUNDING * found.point.objective_j:
            break
        try:
            path.step()
        except np.linalg.LinAlgError:  # as where no GPU takes any time
            break
        if path.gap_j <= 4 * _TOLERANCE * found.point.objective_j:
            other = _certified(dual, path)
            found = found.better(other.point, other.bound_j)
    return found


def _certified(dual: LoadDual, path: CentralPath) -> Optimum:
    weights_w = path.weights_w[: dual.demands]
    point = dual.at(weights_w * (dual.batch.period_price_w / weights_w.sum()))
    inside = dual.at_loads(path.loads(), point)
    return Optimum(min(point, inside, key=_objective_j), point.bound_j)


def _objective_j(point: DualPoint) -> float:
    return point.objective_j
