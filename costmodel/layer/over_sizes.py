"""A layer of gated experts over batch size: its parts, their sum, and the layer as measured."""

from collections.abc import Sequence

import numpy as np

from ...store.cost_model import CostModelFile
from ...store.fitted_runs import LayerSizes
from ..lookup import Lookup
from .cost import LayerCost
from .gated import gated_cost
from .query import LayerQuery


def over_sizes(
    file: CostModelFile, most: int
) -> tuple[tuple[LayerSizes, tuple[LayerCost, ...]], ...]:
    """Each layer of gated experts at up to `most` batch sizes that all of its measured parts cover.

    Costs are those of the parts and the fitted difference, to hold against the layer as measured.
    The sizes are even in their logarithm; where the layer was measured as one unit they are some of
    its measured ones. A layer of which no part was measured, or whose parts share no size, is left
    out.
    """
    lookup = Lookup(file)
    found = []
    for layer in file.layers:
        costs = tuple(
            gated_cost(
                (layer,), LayerQuery(tokens, routing=layer.routing), lookup, file, by_parts=True
            )
            for tokens in _sizes(layer, lookup, most)
        )
        if costs:
            found.append((layer, costs))
    return tuple(found)


def _sizes(layer: LayerSizes, lookup: Lookup, most: int) -> Sequence[int]:
    """Batch sizes of the unit's knots, or of all, within the domains of the measured parts."""
    curves = [lookup.curves(one.curve)[0].curve for one in layer.parts if lookup.has(one.curve)]
    if not curves:
        return ()
    first = max(one.domain.first_tokens for one in curves)
    last = min(one.domain.last_tokens for one in curves)
    if first > last:
        return ()
    is_unit = layer.unit is not None and lookup.has(layer.unit)
    knots = lookup.curves(layer.unit or "")[0].curve.knots_tokens if is_unit else ()
    sizes = np.array([one for one in knots if first <= one <= last] or range(first, last + 1))
    even = np.geomspace(sizes[0], sizes[-1], most)
    return sorted({int(sizes[np.abs(sizes - size).argmin()]) for size in even})
