"""The best weights where many demands bound the period: one for each GPU, and one for the cap.

The dual is concave in the weights and has a gradient, the demands, whose slope changes where a load
meets the end of a piece of its curves. Newton's method climbs it on the simplex of weights; where a
step does not climb, a growing damping shortens it (Levenberg and Marquardt).
"""

import numpy as np

from ...stats.arrays import Float64
from .dual import LoadDual
from .two_demands import Optimum

_MOST_POINTS = 200
_EASIEST, _HARDEST = 1e-9, 1e9


def solve_several(dual: LoadDual, tolerance: float, warm_w: Float64 | None) -> Optimum:
    """Climb from equal weights, or from those of a similar program, until the gap is closed."""
    whole_w = dual.batch.period_price_w
    weights_w = np.zeros(dual.demands)
    weights_w[: dual.gpus] = whole_w / dual.gpus
    point = dual.at(weights_w if warm_w is None else warm_w)
    found = Optimum(point, point.bound_j)
    damping = 1e-3
    for _ in range(_MOST_POINTS):
        if found.gap <= tolerance or damping > _HARDEST:
            break
        curvature = dual.curvature(point)
        # Where all loads are at ends of pieces nothing moves at first, and the curvature is 0.
        spread_s = float(np.ptp(point.demands_s))
        scale = max(float(np.trace(curvature)) / dual.demands, spread_s / whole_w)
        step_w = newton_step(
            point.weights_w, point.demands_s, curvature + damping * scale * np.eye(dual.demands)
        )
        following = dual.at(np.maximum(point.weights_w + step_w, 0.0))
        better = following.objective_j < found.point.objective_j
        found = Optimum(following if better else found.point, max(found.bound_j, following.bound_j))
        climbed = following.bound_j > point.bound_j
        damping = max(damping / 10, _EASIEST) if climbed else damping * 10
        point = following if climbed else point
    return found


def newton_step(weights: Float64, gradient: Float64, curvature: Float64) -> Float64:
    """The step [R] that climbs g·x - x·C·x / 2 best, keeps the sum of weights, and none below 0.

    Weights that would fall below 0 are set to 0 one round after another, the others solved again.
    """
    step = np.empty_like(weights)
    free = np.ones(len(weights), dtype=bool)
    while True:
        pinned = ~free
        step[pinned] = -weights[pinned]
        size = int(free.sum())
        system = np.zeros((size + 1, size + 1))
        system[:size, :size] = curvature[np.ix_(free, free)]
        system[:size, size] = system[size, :size] = 1.0
        pull = gradient[free] - curvature[np.ix_(free, pinned)] @ step[pinned]
        step[free] = np.linalg.solve(system, np.append(pull, -step[pinned].sum()))[:size]
        below = free & (weights + step < 0)
        if not below.any():
            return step
        free &= ~below
