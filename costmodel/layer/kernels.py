"""The sum of named kernels of a layer: of one layer alone, where a model holds several.

A layer is known by its sizes. Kernels of two layers are never added up, whatever the layers' names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ...store.cost_model import CostModelFile, CurveModel
from ...store.errors import BadInput
from ...store.fitted_runs import LayerSizes
from ...store.text.listed import listed
from ..lookup import Lookup
from ..query import Query, find_cost
from .choice import described
from .cost import LayerCost, LayerPart, check_routing, compose, expert_loads
from .gated import why_no_experts
from .query import LayerQuery

# The shape of each operation of the catalogue that a layer is added up from, by the layer's sizes.
_SHAPES: Final[Mapping[str, tuple[str, ...]]] = {
    "fc1": ("hidden", "ffn"),
    "dequant_linear": ("hidden", "ffn"),
    "dequant_unpack": ("hidden", "ffn"),
    "fc2": ("ffn", "hidden"),
    "gelu": ("ffn",),
    "relu": ("ffn",),
}


_ROUTER_OPS: Final = ("topk",)
_EXPERT_OPS: Final = ("fc1", "gelu", "fc2")
_WITHOUT: Final = ("gate", "permute", "unpermute", "shared expert")
_MEASURE_ONE: Final = "measure one: moeprof profile --ops layer"
_NO_UNIT: Final = "these kernels make no whole layer"


@dataclass(frozen=True, slots=True)
class LayerChoice:
    """What is asked for: operations, `shape` as (hidden, ffn) or None, and experts per token."""

    ops: Sequence[str]
    shape: tuple[int, ...] | None
    top_k: int


def kernel_sum(query: LayerQuery, lookup: Lookup, file: CostModelFile) -> LayerCost:
    """Add up a router's kernels on all tokens and those of the experts on the rows of each.

    Raises BadInput without experts per token or active experts, for an unknown operation, for
    counts that no routing gives, for more experts or another `top_k` than the router was measured
    with, and where no layer, or more than one, has all of the operations.
    """
    reasons = why_no_experts(file)
    lacking = f" ({reasons})" if reasons else ""
    measure = "measure more sizes: moeprof profile --resume RUN" if reasons else _MEASURE_ONE
    if query.top_k is None or query.active_experts is None:
        raise BadInput(
            "a layer needs --top-k and --active-experts, where none of gated experts was measured"
            f"{lacking}",
            hint=f"count the experts that get any token, or {measure}",
        )
    for option in ("weight_bits", "weight_format", "routing", "routed_by", "link_gb_per_s"):
        if getattr(query, option) is not None:
            named = option.replace("_", "-")
            raise BadInput(
                f"--{named} is for a layer of gated experts, and the model has none{lacking}",
                hint=measure,
            )
    top_k, active_experts = query.top_k, query.active_experts
    router_ops = _ROUTER_OPS if query.router_ops is None else tuple(query.router_ops)
    expert_ops = _EXPERT_OPS if query.expert_ops is None else tuple(query.expert_ops)
    loads = expert_loads(query.tokens, top_k, active_experts)
    asked = LayerChoice((*router_ops, *expert_ops), query.shape, top_k)
    curves = curves_of_layer(lookup, file.layers, asked)
    for op in router_ops:
        check_routing(lookup.measured(curves[op], None).curve, top_k, active_experts)

    def part(op: str, size: int, calls: int) -> LayerPart:
        asked = Query(curves[op], size, allow_estimates=query.allow_estimates)
        return LayerPart(find_cost(asked, lookup, file), calls)

    parts = [part(op, query.tokens, 1) for op in router_ops]
    parts += [part(op, rows, calls) for op in expert_ops for rows, calls in loads.items()]
    found = compose(query.tokens, top_k, active_experts, parts, file.intervals)
    return replace(found, missing=_WITHOUT, difference_reason=_NO_UNIT)


def curves_of_layer(
    lookup: Lookup, layers: Sequence[LayerSizes], asked: LayerChoice
) -> dict[str, str]:
    """Map each operation to the name of its curve in the layer that is asked for.

    A model that names no layers, as before 1.6 and of imports, has one curve of each operation.
    Raises BadInput for an unknown operation; and, listing the layers, where none has all of the
    operations, or several have and neither shape nor top_k decides.
    """
    curves = {op: [costs.curve for costs in lookup.curves(op)] for op in asked.ops}
    if not layers:
        only = {op: lookup.measured(op, _shape_of(op, asked.shape)).curve for op in curves}
        _check_one_layer(only)
        return {op: curve.curve for op, curve in only.items()}
    fitting = [
        layer
        for layer in _whole_layers(layers)
        if asked.shape in (None, (layer.hidden, layer.ffn))
        and all(any(_fits(curve, layer) for curve in found) for found in curves.values())
    ]
    if len(fitting) > 1:
        fitting = [layer for layer in fitting if layer.top_k == asked.top_k]
    if len(fitting) == 1:
        return {op: _only(lookup, op, found, fitting[0]) for op, found in curves.items()}
    named = "" if asked.shape is None else f" of {'x'.join(map(str, asked.shape))}"
    how_many = f"{len(fitting)} layers" if fitting else "no layer"
    raise BadInput(
        f"the model has {how_many}{named} with top-{asked.top_k} of which it has"
        f" {', '.join(asked.ops)}; its layers are {listed(map(described, layers))}",
        hint="name one by --shape HIDDENxFFN" if fitting else "profile all of them of one layer",
    )


def _whole_layers(layers: Sequence[LayerSizes]) -> list[LayerSizes]:
    """The layers that differ in what these kernels read of them."""
    found: dict[tuple[object, ...], LayerSizes] = {}
    for one in layers:
        found.setdefault((one.hidden, one.ffn, one.experts, one.top_k, one.dtype), one)
    return list(found.values())


def _check_one_layer(curves: Mapping[str, CurveModel]) -> None:
    """Raise BadInput where kernels of a model that names no layers are of two layers.

    Before 1.6 two presets of one name were pooled, whatever their sizes.
    """
    first: dict[str, tuple[str, int]] = {}
    for op, curve in curves.items():
        for name, size in zip(_SHAPES.get(op, ()), curve.shape, strict=False):
            other, known = first.setdefault(name, (op, size))
            if known != size:
                raise BadInput(
                    f"{other} was measured with {name} {known} and {op} with {size}: kernels of two"
                    " layers, which the model does not tell apart",
                    hint="build the model anew from their runs: moeprof build-model RUN --also RUN",
                )


def _only(lookup: Lookup, op: str, found: Sequence[CurveModel], layer: LayerSizes) -> str:
    """The one curve of an operation that fits a layer. Raises BadInput where there are several."""
    names = [curve.curve for curve in found if _fits(curve, layer)]
    return names[0] if len(names) == 1 else lookup.measured(op, None).curve.curve


def _fits(curve: CurveModel, layer: LayerSizes) -> bool:
    """Whether a curve may be a kernel of a layer; one of a user's own may be of any."""
    sizes = _SHAPES.get(curve.op)
    shape = curve.shape if sizes is None else tuple(getattr(layer, size) for size in sizes)
    return (
        curve.shape == shape
        and curve.dtype == layer.dtype
        and curve.experts in (None, layer.experts)
        and curve.top_k in (None, layer.top_k)
    )


def _shape_of(op: str, shape: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """The shape of an operation of a layer of `shape`; None where either is not known."""
    if shape is None or len(shape) != 2 or op not in _SHAPES:
        return None
    sizes = {"hidden": shape[0], "ffn": shape[1]}
    return tuple(sizes[size] for size in _SHAPES[op])
