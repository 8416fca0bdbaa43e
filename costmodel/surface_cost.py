"""Costs of a routed operation, by tokens and active experts."""

from math import exp, log2

from ..store.cost_model import SurfaceModel
from ..store.errors import BadInput
from .cost import Cost
from .intervals import PRIOR_DRIFT
from .outside import FARTHEST_OCTAVES, Miss
from .surface import evaluate, half_width_95


class SurfaceCosts:
    """The costs of one surface; each is kept once made."""

    def __init__(self, surface: SurfaceModel) -> None:
        self.surface = surface
        self._known: dict[tuple[int, int], Cost] = {}

    def cost(self, tokens: int, active_experts: int) -> Cost:
        """Give the cost at a batch size and a number of experts that get any token.

        Raises BadInput for a number that the routing cannot give, and Miss too far from what was
        measured.
        """
        key = (tokens, active_experts)
        cost = self._known.get(key)
        if cost is None:
            cost = self._known[key] = self._cost(tokens, active_experts)
        return cost

    def _cost(self, tokens: int, active_experts: int) -> Cost:
        surface = self.surface
        most = min(tokens * surface.top_k, surface.experts or tokens * surface.top_k)
        if not surface.top_k <= active_experts <= most:
            raise BadInput(
                f"{active_experts} active experts cannot be: {tokens} tokens to {surface.top_k} "
                f"experts each reach {surface.top_k} to {most}"
            )
        octaves = max(
            _beyond(tokens, surface.knots_tokens), _beyond(active_experts, surface.knots_experts)
        )
        if octaves > FARTHEST_OCTAVES:
            raise Miss(
                surface.op,
                tokens,
                f"it is more than {FARTHEST_OCTAVES:g} doublings from what was measured",
                "profile a range that holds it",
            )
        latency_us = evaluate(surface, tokens, active_experts)
        half = half_width_95(surface, tokens, active_experts) + PRIOR_DRIFT * octaves
        knots = zip(surface.knots_tokens, surface.knots_experts, strict=True)
        return Cost(
            op=surface.op,
            tokens=tokens,
            latency_us=latency_us,
            latency_us_lo=latency_us / exp(half),
            latency_us_hi=latency_us * exp(half),
            energy_mj=None,
            power_w=None,
            temp_rise_c=None,
            energy_source="unavailable",
            energy_reason=surface.energy_reason,
            source=surface.latency_source,
            measured=(tokens, active_experts) in knots,
            extrapolated=octaves > 0,
            assignments=tokens * surface.top_k,
        )


def _beyond(size: int, known: tuple[int, ...]) -> float:
    """How many doublings a count lies beyond those that were measured."""
    return max(0.0, log2(size / max(known)), log2(min(known) / size))
