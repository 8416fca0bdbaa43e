"""The cost of a layer of gated experts: its parts, what it takes beside them, communication."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from math import log
from typing import Final

from ...stats.routing.distribution import distribution
from ...store.cost_model import CostModelFile
from ...store.errors import BadInput
from ...store.fitted_runs import LayerSizes, PartCurve
from ...store.text.listed import listed
from ..cost import Cost
from ..curve.extrapolation import OutOfRange
from ..lookup import Lookup
from ..query import Query, find_cost
from .choice import own_bits
from .communication import communications
from .cost import LayerCost, LayerPart, as_measured, compose, in_one_unit, with_communication
from .loads import RoutedCurve, expected_active, with_active
from .query import LayerQuery

_BY_LOAD: Final = ("w13_grouped", "w2_grouped", "w13_act_packed", "w2_packed")
_UNPACKED: Final = (
    "w13_grouped", "w2_grouped", "w13", "w2", "act_mul", "act_mul_gelu", "act_mul_clipped",
)  # fmt: skip
_FIRST_ROUTED: Final = "permute"
_LAST_ROUTED: Final = "unpermute"
_NO_UNIT: Final = "the layer was not measured as one unit"
_NO_LINK: Final = "one device holds the whole layer"
_NOT_ALL: Final = "it was fitted to the sum of all parts, and some are missing"


@dataclass(frozen=True, slots=True)
class _Routed:
    """How tokens go to experts in a query, and the measured layer that is nearest to it.

    `active` experts get a token. `is_measured` where `layer` was measured with this very routing.
    """

    layer: LayerSizes
    routing: str
    active: float
    is_measured: bool


def gated_cost(
    layers: Sequence[LayerSizes],
    query: LayerQuery,
    lookup: Lookup,
    file: CostModelFile,
    *,
    by_parts: bool = False,
) -> LayerCost:
    """The cost of a layer that was measured at the routings of `layers`.

    Within the sizes at which this very layer was measured as one unit it takes what the unit takes;
    elsewhere, and everywhere `by_parts`, the sum of its parts and the fitted difference.

    Raises BadInput where several routings were measured and none is named, for counts that no
    routing gives, and where no part is in the model.
    """
    routed = _routed(layers, query)
    layer = routed.layer
    parts, missing = [], []
    asked = _chosen_parts(routed, query, lookup)
    is_as_whole = tuple(asked) == layer.own_parts
    for part in asked:
        if not lookup.has(part.curve):
            missing.append(f"{part.op}: {_why_missing(part, file)}")
            continue
        cost = find_cost(_query(part.curve, query), lookup, file)
        if part.op in _BY_LOAD and not routed.is_measured:
            cost = _at_load(part, cost, layers, routed, lookup)
        parts.append(LayerPart(cost, 1))
    if not parts:
        raise BadInput(f"no part of the layer was measured: {'; '.join(missing)}")
    found = compose(query.tokens, layer.top_k, routed.active, parts, file.intervals)
    found = replace(found, routing=routed.routing, missing=tuple(missing))
    if routed.is_measured and is_as_whole:
        found = replace(found, unit=_unit(layer, query, lookup, file))
    found = _with_difference(found, layer, is_as_whole)
    if found.unit is not None and not found.unit.extrapolated and not by_parts:
        found = as_measured(found, found.unit)
    exchanges = communications(layer, routed.routing, query.tokens, query.link_gb_per_s)
    found = with_communication(found, exchanges)
    if query.link_gb_per_s is not None and not exchanges:
        return replace(found, communication_reason=_NO_LINK)
    return found


def _routed(layers: Sequence[LayerSizes], query: LayerQuery) -> _Routed:
    layer, tokens = layers[0], query.tokens
    words = query.routing
    if words is None and query.active_experts is None and len(layers) > 1:
        known = listed(str(one.routing) for one in layers)
        raise BadInput(
            f"the layer was measured with several routings: {known}",
            hint="name one of them or another: --routing zipf:1.2",
        )
    same = [one for one in layers if _slug(one, words) == _slug(one, one.routing)]
    if query.active_experts is None and same:
        words = same[0].routing or ""
        return _Routed(same[0], words, expected_active(layer, words, tokens), True)
    if query.active_experts is None:
        active = expected_active(layer, words or "", tokens)
    else:
        active = float(query.active_experts)
        _check_active(layer, tokens, query.active_experts)
    near = min(layers, key=lambda one: abs(log(_active(one, tokens) / active)))
    return _Routed(near, words or near.routing or "", active, False)


def _slug(layer: LayerSizes, words: str | None) -> str:
    return distribution(words or layer.routing or "", layer.experts, layer.top_k).slug


def _active(layer: LayerSizes, tokens: int) -> float:
    return expected_active(layer, layer.routing or "", tokens)


def _check_active(layer: LayerSizes, tokens: int, active: int) -> None:
    fewest = layer.top_k if layer.ranks == 1 else 1
    most = min(layer.held_experts, tokens * layer.top_k * layer.ranks)
    if not fewest <= active <= most:
        raise BadInput(
            f"{active} active experts cannot be: {tokens} tokens to {layer.top_k} experts each"
            f" reach {fewest} to {most} of the layer's {layer.held_experts}"
        )


def _parts_at(layer: LayerSizes, query: LayerQuery, lookup: Lookup) -> Sequence[PartCurve]:
    """The parts of a layer on the weights of a query, or on measured ones where it names none.

    Raises BadInput for bits that no part has.
    """
    if layer.weight_format is not None:
        return layer.parts
    packed = [part for part in layer.parts if part.weight_bits is not None]
    unpacked = [part for part in layer.parts if part.weight_bits is None]
    own = [part for part in unpacked if part.op in _UNPACKED]
    bits = query.weight_bits
    is_any = bits is None and query.weight_format is None
    if is_any and packed and not any(lookup.has(part.curve) for part in own):
        bits = packed[0].weight_bits
    if bits in (None, own_bits(layer)):
        return unpacked
    chosen = [part for part in packed if part.weight_bits == bits]
    if not chosen:
        known = sorted({own_bits(layer), *(part.weight_bits or 0 for part in packed)})
        raise BadInput(f"the layer was measured with weights of {listed(known)} bits, not {bits}")
    at = unpacked.index(own[0])
    rest = [part for part in unpacked[at:] if part not in own]
    return [*unpacked[:at], *chosen, *rest]


def _chosen_parts(routed: _Routed, query: LayerQuery, lookup: Lookup) -> Sequence[PartCurve]:
    """The parts of a layer, or one operation in place of those from permute to unpermute.

    Raises BadInput where that one was not measured, at these bits of weights or with this routing.
    """
    layer, op, weight_bits = routed.layer, query.routed_by, query.weight_bits
    if op is None:
        return _parts_at(layer, query, lookup)
    if weight_bits == own_bits(layer):
        weight_bits = None
    found = [one for one in layer.routed if one.op == op and weight_bits in (None, one.weight_bits)]
    if not found:
        known = listed(dict.fromkeys(one.op for one in layer.routed)) or "none"
        bits = "" if weight_bits is None else f" with weights of {weight_bits} bits"
        raise BadInput(
            f"the routed experts of the layer were not measured by {op}{bits}",
            hint=f"measured were: {known}",
        )
    if not routed.is_measured:
        raise BadInput(
            f"{op} was measured with the routing {layer.routing} alone",
            hint="leave out --routing and --active-experts, or profile it with that routing",
        )
    parts = layer.own_parts
    ops = [part.op for part in parts]
    return [*parts[: ops.index(_FIRST_ROUTED)], found[0], *parts[ops.index(_LAST_ROUTED) + 1 :]]


def _at_load(
    part: PartCurve, cost: Cost, layers: Sequence[LayerSizes], routed: _Routed, lookup: Lookup
) -> Cost:
    """The cost of a grouped operation at the active experts of the query."""
    curves = []
    for layer in layers:
        name = next((p.curve for p in layer.parts if (p.op, p.weight_bits) == _key(part)), "")
        if lookup.has(name):
            curve = lookup.curves(name)[0].curve
            active = tuple(_active(layer, tokens) for tokens in curve.knots_tokens)
            curves.append(RoutedCurve(curve, active))
    measured_at = _active(routed.layer, cost.tokens)
    return with_active(cost, curves, routed.layer.top_k, (measured_at, routed.active))


def _key(part: PartCurve) -> tuple[str, int | None]:
    return part.op, part.weight_bits


def _unit(layer: LayerSizes, query: LayerQuery, lookup: Lookup, file: CostModelFile) -> Cost | None:
    """The layer as it was measured as one unit; None where it was not, or at sizes far away."""
    if layer.unit is None or not lookup.has(layer.unit):
        return None
    with suppress(OutOfRange):
        return find_cost(_query(layer.unit, query), lookup, file)
    return None


def _with_difference(found: LayerCost, layer: LayerSizes, is_as_whole: bool) -> LayerCost:
    """Add the fitted difference; to other kernels than it was fitted to, as an estimate."""
    if found.missing:
        return replace(found, difference_reason=_NOT_ALL)
    if layer.difference is None:
        return replace(found, difference_reason=layer.difference_reason or _NO_UNIT)
    found = in_one_unit(found, layer.difference)
    return replace(found, estimated=found.estimated or not is_as_whole)


def why_no_experts(file: CostModelFile) -> str:
    """The reasons of the gated experts that were to be measured and are not in a model."""
    return "; ".join(
        f"{name}: {reason}"
        for name, reason in file.unmeasured.items()
        if name.partition("-")[0] in (*_BY_LOAD, "w13", "w2")
    )


def _query(curve: str, query: LayerQuery) -> Query:
    return Query(curve, query.tokens, allow_estimates=query.allow_estimates)


def _why_missing(part: PartCurve, file: CostModelFile) -> str:
    reasons = (file.unmeasured.get(name) for name in (part.curve, part.op))
    return next((reason for reason in reasons if reason is not None), "not among the operations")
