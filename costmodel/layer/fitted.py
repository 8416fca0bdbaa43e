"""Add to a model what each of its layers takes as one unit, beside the sum of its parts."""

from collections.abc import Iterator
from dataclasses import replace

from ...store.cost_model import CostModelFile
from ...store.fitted_runs import LayerSizes
from ..lookup import Lookup
from .difference import FEWEST_SIZES, fit_difference


def with_differences(file: CostModelFile) -> CostModelFile:
    """Fit the difference of each layer, from all routings that it was measured with."""
    if not any(layer.unit for layer in file.layers):
        return file
    lookup = Lookup(file)
    return replace(file, layers=tuple(_fitted(one, file.layers, lookup) for one in file.layers))


def _fitted(layer: LayerSizes, layers: tuple[LayerSizes, ...], lookup: Lookup) -> LayerSizes:
    if layer.unit is None:
        return layer
    same = [other for other in layers if other.same_but_routing(layer)]
    both = [pair for other in same for pair in _both_measured(other, lookup)]
    if len(both) < FEWEST_SIZES:
        reason = (
            f"the layer and all of its parts were measured at {len(both)} sizes, and it takes"
            f" {FEWEST_SIZES} to fit what they differ by"
        )
        return replace(layer, difference_reason=reason)
    units_us, sums_us = zip(*both, strict=True)
    return replace(layer, difference=fit_difference(units_us, sums_us, len(layer.own_parts)))


def _both_measured(layer: LayerSizes, lookup: Lookup) -> Iterator[tuple[float, float]]:
    """Latency in us of the layer as one unit, and of the sum of its parts, where both are known."""
    parts = [part.curve for part in layer.own_parts]
    if layer.unit is None or not all(map(lookup.has, (layer.unit, *parts))):
        return
    costs = [lookup.measured(name, None) for name in parts]
    first = max(one.curve.domain.first_tokens for one in costs)
    last = min(one.curve.domain.last_tokens for one in costs)
    unit = lookup.measured(layer.unit, None).curve
    for tokens, latency_us in zip(unit.knots_tokens, unit.latency_us, strict=True):
        if first <= tokens <= last:
            yield latency_us, sum(one.cost(tokens).latency_us for one in costs)
