"""What a pass is expected to cost when tokens choose by given shares, idle experts included."""

from dataclasses import dataclass

import numpy as np

from ...stats.arrays import Float64, Int64
from ..curves import Curves
from ..expert_costs import ExpertCosts


@dataclass(frozen=True, slots=True)
class PassCost:
    """Energy above idle in J and latency in s of one pass, the slowest GPU's.

    `power_w` is the mean over the latency, the idle power of all GPUs included; None where energy
    is unknown.
    """

    energy_j: float
    latency_s: float
    power_w: float | None

    def within(self, cap_w: float) -> bool:
        """Whether the mean power is at most a cap, or is not known."""
        return self.power_w is None or self.power_w <= cap_w

    def period_s(self, headroom_w: float | None) -> float:
        """Time from one pass to the next at a power cap that leaves so many W above idle."""
        if headroom_w is None:
            return self.latency_s
        return max(self.latency_s, self.energy_j / headroom_w)


def cost_of_counts(costs: ExpertCosts, counts: Int64) -> PassCost:
    """What a pass takes whose experts have `counts` [N] rows; beyond the largest load, as there."""
    return _pass_cost(costs, counts.astype(np.float64), np.ones(len(counts)))


def expected_cost(costs: ExpertCosts, chances: Float64, tokens: int) -> PassCost:
    """What a pass of `tokens` tokens is expected to take.

    `chances` [N] are those of one token to go to each expert, and add up to its experts. Tokens
    choose independently, so that an expert is idle with the chance (1 - chance)^tokens.
    """
    active = expected_active(chances, tokens)
    rows = tokens * chances / np.where(active > 0, active, 1.0)
    return _pass_cost(costs, rows, active)


def expected_active(chances: Float64, tokens: int) -> Float64:
    """The chance of each expert [N] to get any of `tokens` tokens."""
    active: Float64 = 1 - (1 - np.minimum(chances, 1.0)) ** tokens
    return active


def _pass_cost(costs: ExpertCosts, rows: Float64, active: Float64) -> PassCost:
    rows = np.minimum(rows, costs.loads[-1])
    energy_j = float(active @ Curves(costs.loads, costs.energy_j).at(rows))
    latency_s = active * Curves(costs.loads, costs.latency_s).at(rows)
    slowest_s = float(np.bincount(costs.gpu_of, latency_s).max())
    power_w = None
    if costs.energy_reason is None:
        power_w = costs.idle_power_w + (energy_j / slowest_s if slowest_s > 0 else 0.0)
    return PassCost(energy_j, slowest_s, power_w)
