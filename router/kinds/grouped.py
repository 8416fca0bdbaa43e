"""What one more active expert and one more row cost in kernels that compute all experts at once.

A grouped kernel is known over tokens and active experts. Its latency, and its energy above idle,
is taken as the sum of four terms, as in costmodel/surface/prediction.py: a constant, active
experts, tokens, and rows per expert beyond one tile. Of these an expert with n rows takes

    per expert + per token * n / top_k + per row * max(0, n - tile rows) / experts

the first of which is its fixed charge, the reading of its weights. The constant belongs to none.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...costmodel.cost import Cost
from ...costmodel.curve.extrapolation import MAX_OCTAVES, OutOfRange
from ...costmodel.layer.loads import expected_active, non_negative
from ...costmodel.model import KernelCostModel
from ...costmodel.surface.prediction import TILE_ROWS, terms
from ...stats.arrays import Float64
from ...store.cost_model import SurfaceModel
from ...store.errors import BadInput
from ...store.fitted_runs import LayerSizes
from ...store.text.listed import listed

_MIN_KNOTS: Final = 3
BALANCED: Final = ("moe_balanced", "moe_balanced_nongated")  # names in aiconfigurator's tables


@dataclass(frozen=True, eq=False, slots=True)
class GroupedPoints:
    """The knots of one grouped kernel: tokens [K], active experts [K], and the cost of each.

    `experts` are those that the device holds, one of `ranks`, each of which has so many tokens.
    """

    tokens: Float64
    active: Float64
    costs: tuple[Cost, ...]
    top_k: int
    experts: int
    ranks: int = 1

    def beyond(self, rows: Float64) -> NDArray[np.bool_]:
        """Which loads [S] no measured batch reaches: an expert has at most a row of each token.

        All, where the largest is below the smallest batch. Raises OutOfRange for a load beyond
        four doublings.
        """
        batches, most = self.ranks * self.tokens, rows.max()
        first, last = batches.min(), batches.max()
        if most > last * 2**MAX_OCTAVES or most * 2**MAX_OCTAVES < first:
            raise OutOfRange(
                self.costs[0].op,
                int(most),
                f"it was measured from batch size {first:g} to {last:g}, and this is more than"
                f" {MAX_OCTAVES:g} doublings away",
                "profile a range that holds it",
            )
        return np.asarray((rows > last) | (most < first))

    def expert_curve(self, values: Float64, rows: Float64) -> Float64:
        """What an expert takes at `rows` [S], from a value of each knot [K], NaN where unknown.

        All NaN where fewer than three knots are known.
        """
        columns = self._columns(values)
        if len(columns) < _MIN_KNOTS:
            return np.full(len(rows), np.nan)
        _, per_expert, per_token, per_row = non_negative(columns)
        beyond = np.maximum(0.0, rows - TILE_ROWS) / self.experts
        curve: Float64 = per_expert + per_token * rows / self.top_k + per_row * beyond
        return curve

    def mean_error(self, values: Float64) -> float:
        """By what share the terms miss the value of a knot [K], in the mean of those known."""
        columns = self._columns(values)
        return float(np.abs(columns @ non_negative(columns) - 1).mean())

    def _columns(self, values: Float64) -> Float64:
        """The terms at the known knots as shares of the values there, [knots, 4]."""
        known = np.isfinite(values) & (values > 0)
        columns = terms(self.tokens[known], self.active[known], self.top_k)
        return columns / values[known, None]


def grouped_points(
    model: KernelCostModel, name: str, *, allow_estimates: bool
) -> GroupedPoints | None:
    """The knots of the surface, the layer's part or the balanced curve of a `name`; None of none.

    Raises BadInput where several surfaces, or parts of several layers, have the name.
    """
    surfaces = [one for one in model.file.surfaces if name in (one.op, one.surface)]
    if len(surfaces) > 1:
        raise _ambiguous(name, [one.surface for one in surfaces])
    if surfaces:
        return _of_surface(model, surfaces[0], allow_estimates)
    return _of_layer(model, name, allow_estimates) or _of_balanced(model, name, allow_estimates)


def _of_balanced(model: KernelCostModel, name: str, allow_estimates: bool) -> GroupedPoints | None:
    """The knots of an imported curve over tokens that were dealt out to all experts in turns."""
    found = [one for one in model.curves if name in (one.op, one.curve)]
    if len(found) != 1 or found[0].op not in BALANCED:
        return None
    (curve,) = found
    if curve.experts is None or curve.top_k is None:
        return None
    tokens = np.array(curve.knots_tokens, dtype=np.float64)
    costs = (
        model.get_cost(curve.curve, size, allow_estimates=allow_estimates)
        for size in curve.knots_tokens
    )
    active = np.minimum(tokens * curve.top_k, curve.experts)
    return GroupedPoints(tokens, active, tuple(costs), curve.top_k, curve.experts)


def _of_surface(
    model: KernelCostModel, surface: SurfaceModel, allow_estimates: bool
) -> GroupedPoints:
    tokens, active = surface.knots_tokens, surface.knots_experts
    costs = (
        model.get_cost(surface.surface, size, active_experts=few, allow_estimates=allow_estimates)
        for size, few in zip(tokens, active, strict=True)
    )
    return GroupedPoints(
        np.array(tokens, dtype=np.float64),
        np.array(active, dtype=np.float64),
        tuple(costs),
        surface.top_k,
        surface.experts or max(active),
    )


def _of_layer(model: KernelCostModel, name: str, allow_estimates: bool) -> GroupedPoints | None:
    """The knots of a part at every routing that it was measured with."""
    parts = list(_parts(model, name))
    if not parts:
        return None
    layers = [layer for layer, _ in parts]
    if not all(one.same_but_routing(layers[0]) for one in layers):
        raise _ambiguous(name, [curve for _, curve in parts])
    tokens, active, costs = [], [], []
    for curve, layer in {curve: layer for layer, curve in parts}.items():
        (fitted,) = (one for one in model.curves if one.curve == curve)
        for size in fitted.knots_tokens:
            tokens.append(size)
            active.append(expected_active(layer, layer.routing or "", size))
            costs.append(model.get_cost(curve, size, allow_estimates=allow_estimates))
    return GroupedPoints(
        np.array(tokens, dtype=np.float64),
        np.array(active),
        tuple(costs),
        layers[0].top_k,
        layers[0].held_experts,
        layers[0].ranks,
    )


def _parts(model: KernelCostModel, name: str) -> Iterator[tuple[LayerSizes, str]]:
    """The layers of which `name` is a part that a curve was measured of, with the curve."""
    measured = {one.curve for one in model.curves}
    for layer in model.file.layers:
        for part in (*layer.parts, *layer.routed):
            if name in (part.op, part.curve) and part.curve in measured:
                yield layer, part.curve


def _ambiguous(name: str, found: list[str]) -> BadInput:
    return BadInput(
        f"{name} stands for {len(found)} of the model: {listed(found)}", hint="name one of these"
    )
