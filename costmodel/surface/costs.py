"""Costs of a routed operation by tokens and active experts."""

from math import exp, hypot, isnan, log2
from typing import Any, Final

from ...stats.conformal import OF_95
from ...store.cost_model import SurfaceModel, Thermal
from ...store.errors import BadInput
from ...store.provenance import EnergySource
from ..cost import Cost
from ..curve.extrapolation import MAX_OCTAVES, OutOfRange
from ..curve.intervals import PRIOR_DRIFT
from .energy import power_drawn
from .prediction import evaluate, half_width, nearest_knots

NOT_METERED_NEAR: Final = "no energy was measured near here"


class SurfaceCosts:
    """The costs of one surface, each kept after its first look-up.

    `turns_95` is what its intervals owe to the moments of the measurement (store/cost_model.py).
    """

    def __init__(
        self, surface: SurfaceModel, thermal: Thermal | None = None, turns_95: float | None = None
    ) -> None:
        self.surface = surface
        self._thermal = thermal
        self._turns_95 = turns_95 or 0.0
        self._known: dict[tuple[int, int], Cost] = {}

    def cost(self, tokens: int, active_experts: int) -> Cost:
        """Cost at a batch size and a number of experts that get a token.

        Raises BadInput for a number of experts that the routing cannot give, and OutOfRange more
        than four doublings from what was measured.
        """
        key = (tokens, active_experts)
        cost = self._known.get(key)
        if cost is None:
            cost = self._known[key] = self._cost(tokens, active_experts)
        return cost

    def interval_us(self, tokens: int, active_experts: int, percent: int) -> tuple[float, float]:
        """Bounds of the latency in us at a nominal coverage of 50, 80, 90 or 95 percent."""
        latency_us = self.cost(tokens, active_experts).latency_us
        factor = exp(self._half_width(tokens, active_experts, percent))
        return latency_us / factor, latency_us * factor

    def _cost(self, tokens: int, active_experts: int) -> Cost:
        surface = self.surface
        self._check_reach(tokens, active_experts)
        latency_us = evaluate(surface, tokens, active_experts)
        half = self._half_width(tokens, active_experts, 95)
        knots = list(zip(surface.knots_tokens, surface.knots_experts, strict=True))
        place = knots.index(key) if (key := (tokens, active_experts)) in knots else None
        nearest = nearest_knots(surface, tokens, active_experts)
        return Cost(
            op=surface.op,
            tokens=tokens,
            latency_us=latency_us,
            latency_us_lo=latency_us / exp(half),
            latency_us_hi=latency_us * exp(half),
            **self._energy(tokens, active_experts, latency_us, half),
            source=surface.latency_source,
            measured=place is not None and place not in surface.unconfirmed_knots,
            measured_once=place in surface.unconfirmed_knots,
            extrapolated=self._octaves(tokens, active_experts) > 0,
            assignments=tokens * surface.top_k,
            doubtful=not set(surface.doubtful_knots).isdisjoint(nearest),
        )

    def _energy(
        self, tokens: int, active_experts: int, latency_us: float, half: float
    ) -> dict[str, Any]:
        """Fields of a cost that hold energy and heat; `half` is the half width of the latency."""
        surface, thermal = self.surface, self._thermal
        found = power_drawn(surface, tokens, active_experts)
        if found is None:
            return {
                **dict.fromkeys(("energy_mj", "power_w", "temp_rise_c")),
                "energy_source": EnergySource.UNAVAILABLE.value,
                "energy_reason": surface.energy_reason or NOT_METERED_NEAR,
            }
        power_w, ratio, power_half = found
        energy_mj = power_w * ratio * latency_us / 1000
        factor = None if isnan(power_half) else exp(hypot(half, power_half))
        rise_c = None
        if thermal is not None and surface.idle_power_w is not None:
            rise_c = thermal.r_c_per_w * (power_w - surface.idle_power_w)
        return {
            "energy_mj": energy_mj,
            "energy_mj_lo": None if factor is None else energy_mj / factor,
            "energy_mj_hi": None if factor is None else energy_mj * factor,
            "power_w": power_w,
            "temp_rise_c": rise_c,
            "energy_source": surface.energy_source,
            "energy_reason": None,
        }

    def _half_width(self, tokens: int, active_experts: int, percent: int) -> float:
        drift = PRIOR_DRIFT * self._octaves(tokens, active_experts)
        half = half_width(self.surface, tokens, active_experts, percent)
        return hypot(half, self._turns_95 * OF_95[percent]) + drift

    def _octaves(self, tokens: int, active_experts: int) -> float:
        """Doublings between a question and the measured range; 0 within."""
        return max(
            _beyond(tokens, self.surface.knots_tokens),
            _beyond(active_experts, self.surface.knots_experts),
        )

    def _check_reach(self, tokens: int, active_experts: int) -> None:
        surface = self.surface
        most = min(tokens * surface.top_k, surface.experts or tokens * surface.top_k)
        if not surface.top_k <= active_experts <= most:
            raise BadInput(
                f"{active_experts} active experts cannot be: {tokens} tokens to {surface.top_k} "
                f"experts each reach {surface.top_k} to {most}"
            )
        if self._octaves(tokens, active_experts) > MAX_OCTAVES:
            raise OutOfRange(
                surface.op,
                tokens,
                f"it is more than {MAX_OCTAVES:g} doublings from what was measured",
                "profile a range that holds it",
            )


def _beyond(size: int, known: tuple[int, ...]) -> float:
    """Doublings between a count and the range of `known`; 0 within."""
    return max(0.0, log2(size / max(known)), log2(min(known) / size))
