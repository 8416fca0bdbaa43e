"""A layer as it is served: what one token costs at given shares of the assignments."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ...stats.arrays import Float64
from ...store.errors import BadInput
from ..expert_costs import ExpertCosts

_TOLERANCE: Final = 1e-6


@dataclass(frozen=True, eq=False)
class ServedLayer:
    """Experts that serve passes of `tokens` tokens, each with `top_k` assignments.

    `shares` [experts] are those of the assignments under the model's own routing. A token passes
    through `layers` layers of this kind; power and latency are those of all of them.

    Raises BadInput for shares that are no distribution over the experts, or that no top-k gives:
    an expert gets each token at most once, so its share is 1 / top_k at most.
    """

    costs: ExpertCosts
    shares: Float64
    tokens: int
    top_k: int
    layers: int = 1

    def __post_init__(self) -> None:
        experts = self.costs.experts
        if self.shares.shape != (experts,):
            raise BadInput(f"shares have the shape {self.shares.shape}, for {experts} experts")
        if not (np.isfinite(self.shares).all() and (self.shares > 0).all()):
            raise BadInput("each expert must have a share above 0 under the model's own routing")
        if abs(self.shares.sum() - 1) > _TOLERANCE:
            raise BadInput(f"shares add up to {self.shares.sum():g}, and must add up to 1")
        if not 1 <= self.top_k <= experts:
            raise BadInput(f"top_k is {self.top_k}, and must be 1 to {experts}, the experts")
        if self.shares.max() > (1 + _TOLERANCE) / self.top_k:
            raise BadInput(
                f"an expert has a share of {self.shares.max():g}, and at top_k {self.top_k}"
                f" {1 / self.top_k:g} is the most: each token goes to an expert once"
            )
        for name in ("tokens", "layers"):
            if getattr(self, name) < 1:
                raise BadInput(f"{name} is {getattr(self, name)}, and must be 1 or more")

    def energy_per_token_j(self, shares: Float64, factors: Float64 | float = 1.0) -> Float64:
        """Energy above idle of one token [...], in J, at `shares` [..., experts].

        `factors` [experts] multiply the energy of each expert.
        """
        energy_j = self._at_loads(self.costs.energy_j, shares) * factors
        return np.asarray(energy_j.sum(axis=-1) * (self.layers / self.tokens))

    def latency_s(self, shares: Float64) -> Float64:
        """Latency of a pass [...] on the slowest GPU, in s: on each the experts run in turn."""
        latency_s = self._at_loads(self.costs.latency_s, shares)
        of_gpu = np.arange(self.costs.gpus)[:, None] == self.costs.gpu_of
        return np.asarray((latency_s @ of_gpu.T.astype(np.float64)).max(axis=-1) * self.layers)

    @property
    def has_energy(self) -> bool:
        """Whether the energy of the experts is known; otherwise routing acts on time alone."""
        return self.costs.energy_reason is None

    def marginal_costs(self) -> Float64:
        """What one more assignment of each expert costs [experts], at its own share.

        In J, or in s where energy is unknown. The secant from half to twice its load: the slope
        between two neighbouring measured loads would be that of their noise, or of one step of a
        staircase.
        """
        table = self.costs.energy_j if self.has_energy else self.costs.latency_s
        low, high = self.shares / 2, self.shares * 2
        rise = self._at_loads(table, high) - self._at_loads(table, low)
        return np.asarray(rise / (self.tokens * self.top_k * (high - low)))

    def _at_loads(self, table: Float64, shares: Float64) -> Float64:
        """Costs [..., experts] from a table [experts, loads]; beyond the last load in a line."""
        loads = self.costs.loads
        asked = shares * (self.tokens * self.top_k)
        left = np.clip(np.searchsorted(loads, asked, side="right") - 1, 0, len(loads) - 2)
        expert = np.arange(self.costs.experts)
        start, end = table[expert, left], table[expert, left + 1]
        part = (asked - loads[left]) / (loads[left + 1] - loads[left])
        return np.asarray(start + part * (end - start))


def tilted(shares: Float64, bias: Float64, top_k: int) -> Float64:
    """Shares [..., experts] closest to `shares` in KL among those that give up so much bias.

    p_i is proportional to q_i exp(b_i), and 1 / top_k at most; `bias` is [..., experts].
    """
    weights = shares * np.exp(bias - bias.max(axis=-1, keepdims=True))
    most = 1.0 / top_k
    tilt = weights / weights.sum(axis=-1, keepdims=True)
    full = tilt > most
    while (tilt > most * (1 + _TOLERANCE)).any():
        full |= tilt > most
        left = 1 - most * full.sum(axis=-1, keepdims=True)
        open_weights = np.where(full, 0.0, weights)
        total = open_weights.sum(axis=-1, keepdims=True)
        scale = np.divide(left, total, out=np.zeros_like(total), where=total > 0)
        tilt = np.where(full, most, open_weights * scale)
    return np.asarray(tilt)


def kl_nats(shares: Float64, baseline: Float64) -> Float64:
    """KL [...] of `shares` [..., experts] from `baseline` [experts], in nats for an assignment."""
    ratio = np.maximum(shares, 1e-300) / baseline
    return np.asarray((shares * np.log(ratio)).sum(axis=-1))
