"""Predicted power at an arrival rate and a price of a joule, and the price that meets a limit.

At a price beta the routing changes least, in KL, for the energy that it saves: p_i is proportional
to q_i exp(-beta a_i), with a_i what one more assignment of expert i costs (docs/theory.md). Energy,
KL and latency are then functions of the price alone. They are tabulated once, so that a tick
inverts them by one interpolation.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ...stats.arrays import Float64
from ...store.errors import BadInput
from .served_layer import ServedLayer, kl_nats, tilted

_PRICES: Final = 513
_STEEPEST: Final = 40.0  # the highest price times the spread of marginal costs
_WORTHWHILE: Final = 0.9  # the rest of what routing could save would cost as much KL as all this
_ALIKE: Final = 1e-9
_MOST_DEFERRED: Final = 0.95


@dataclass(frozen=True, slots=True)
class Correction:
    """What was observed beside the cost model: power = idle + offset + gain * predicted."""

    offset_w: float = 0.0
    gain: float = 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    """The lowest price that keeps a limit of power, and the share of arrivals that must wait."""

    price_per_j: float
    deferred_share: float = 0.0


class PowerModel:
    """What a layer draws at a rate and a price; `kl_budget_nats` limits the price.

    `idle_w` is the power without tokens. [prices] are tabulated: `prices_per_j`, the energy of a
    token above idle `energy_j`, `kl_nats` for an assignment and the latency of a pass `latency_s`.
    Where energy is unknown the price is that of a second, in 1/s. `budget_price_per_j` is the price
    that spends the budget, `highest_price_per_j` at most that: there most that routing can save is
    saved. Raises BadInput for a budget below 0.
    """

    def __init__(self, layer: ServedLayer, kl_budget_nats: float | None = None) -> None:
        if kl_budget_nats is not None and not kl_budget_nats >= 0:
            raise BadInput(f"the KL budget is {kl_budget_nats} nats, and must be 0 or more")
        marginal = layer.marginal_costs()
        self.layer = layer
        self.idle_w = layer.costs.idle_power_w
        self.mean_marginal = float(marginal.mean())
        self._direction: Float64 = np.asarray(marginal - marginal.mean())
        spread = float(np.sqrt(layer.shares @ (marginal - layer.shares @ marginal) ** 2))
        alike = spread <= _ALIKE * float(np.abs(marginal).max())
        steepest = 0.0 if alike else _STEEPEST / spread
        self.prices_per_j = np.linspace(0, 1, _PRICES) ** 2 * steepest
        shares = tilted(layer.shares, -self.prices_per_j[:, None] * marginal, layer.top_k)
        self.energy_j = np.minimum.accumulate(layer.energy_per_token_j(shares))
        self.kl_nats = kl_nats(shares, layer.shares)
        self.latency_s = layer.latency_s(shares)
        last = _PRICES - 1 if kl_budget_nats is None else self._last_within(kl_budget_nats)
        self.budget_price_per_j = float(self.prices_per_j[last])
        self.highest_price_per_j = min(self._worthwhile(), self.budget_price_per_j)

    def bias(self, price_per_j: float) -> Float64:
        """Bias [experts] at a price; its mean is 0."""
        return np.asarray(-price_per_j * self._direction)

    def energy_at_j(self, price_per_j: float) -> float:
        """Energy of one token above idle at a price, in J."""
        return self._at(price_per_j, self.energy_j)

    def kl_at_nats(self, price_per_j: float) -> float:
        """Change of routing at a price, in nats for an assignment."""
        return self._at(price_per_j, self.kl_nats)

    def latency_at_s(self, price_per_j: float) -> float:
        """Latency of a pass at a price, in s."""
        return self._at(price_per_j, self.latency_s)

    def price_of(self, energy_j: float) -> float:
        """Lowest price at which a token takes so little energy; the steepest where none does."""
        return float(np.interp(-energy_j, -self.energy_j, self.prices_per_j))

    def within_latency(self, latency_s: float) -> tuple[float, float]:
        """Lowest and highest price at which a pass takes no longer than `latency_s`.

        Where none does, twice the price at which it takes the shortest.
        """
        allowed = np.flatnonzero(
            (self.latency_s <= latency_s) & (self.prices_per_j <= self.highest_price_per_j)
        )
        if len(allowed) == 0:
            shortest = float(self.prices_per_j[self.latency_s.argmin()])
            return (min(shortest, self.highest_price_per_j),) * 2
        return float(self.prices_per_j[allowed[0]]), float(self.prices_per_j[allowed[-1]])

    def meet(
        self,
        limit_w: float,
        tokens_per_s: float,
        correction: Correction,
        prices_per_j: tuple[float, float],
    ) -> Answer:
        """Keep `limit_w` at an arrival rate by a price between two; the rest must wait."""
        dynamic_w = (limit_w - self.idle_w - correction.offset_w) / correction.gain
        lowest, highest = prices_per_j
        if tokens_per_s <= 0:
            return Answer(lowest)
        goal_j = dynamic_w / tokens_per_s
        price = self.price_of(goal_j)
        price = min(max(price, lowest), highest)
        needed_j = self.energy_at_j(price)
        if needed_j <= max(goal_j, 0.0):
            return Answer(price)
        return Answer(price, min(1 - max(goal_j, 0.0) / needed_j, _MOST_DEFERRED))

    def _at(self, price_per_j: float, table: Float64) -> float:
        return float(np.interp(price_per_j, self.prices_per_j, table))

    def _last_within(self, kl_budget_nats: float) -> int:
        """The last of the prices that keeps a KL budget, which the first, 0, always does."""
        return int(np.searchsorted(self.kl_nats, kl_budget_nats, side="right")) - 1

    def _worthwhile(self) -> float:
        """Price at which most that routing can save is saved."""
        costs = self.energy_j if self.layer.has_energy else self.latency_s
        saved = costs[0] - np.minimum.accumulate(costs)
        return float(self.prices_per_j[np.argmax(saved >= _WORTHWHILE * saved[-1])])
