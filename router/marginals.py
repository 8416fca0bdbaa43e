"""What one more row costs in each expert: the slopes that a rule by marginal costs ranks by."""

from dataclasses import dataclass

import numpy as np

from ..stats.arrays import Float64
from .expert_costs import ExpertCosts
from .hull import Hull, hull_of


@dataclass(frozen=True, eq=False, slots=True)
class Marginals:
    """Energy in J and time in s of one more row in each expert, [N]."""

    energy_j: Float64
    latency_s: Float64


class MarginalCosts:
    """The slopes of the convex hulls of costs, of experts in use; hulls are made once."""

    def __init__(self, costs: ExpertCosts) -> None:
        self._costs = costs
        self._energy = hull_of(costs.loads, costs.energy_j)
        self._latency = hull_of(costs.loads, costs.latency_s)

    def at(self, rows: Float64) -> Marginals:
        """The slopes at the rows of each expert [N].

        Of several GPUs one more row delays the pass on the slowest alone.
        """
        costs = self._costs
        latency_s = self._slopes(self._latency, rows)
        if costs.gpus > 1:
            taken_s = self._heights(rows)
            by_gpu = np.bincount(costs.gpu_of, taken_s, minlength=costs.gpus)
            latency_s = np.where(costs.gpu_of == by_gpu.argmax(), latency_s, 0.0)
        return Marginals(self._slopes(self._energy, rows), latency_s)

    def _slopes(self, hull: Hull, rows: Float64) -> Float64:
        piece = np.clip(np.searchsorted(self._costs.loads, rows, side="right") - 1, 0, None)
        last = len(hull.slopes) - 1
        slopes: Float64 = hull.slopes[np.minimum(piece, last), np.arange(len(rows))]
        return slopes

    def _heights(self, rows: Float64) -> Float64:
        """Time of each expert at its rows by the hull, in s."""
        widths = np.diff(self._costs.loads)[:, None]
        parts = np.clip(rows - self._costs.loads[:-1, None], 0.0, widths)
        heights: Float64 = self._latency.fixed * (rows > 0) + (self._latency.slopes * parts).sum(0)
        return heights
