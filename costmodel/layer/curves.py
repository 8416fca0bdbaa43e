"""Which curves of a model are the kernels of one layer, where it holds several layers.

A layer is known by its sizes. Kernels of two layers are never added up, whatever the layers' names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ...store.cost_model import CurveModel
from ...store.errors import BadInput
from ...store.fitted_runs import LayerSizes
from ...store.text.listed import listed
from ..lookup import Lookup

# The shape of each operation of the catalogue that a layer is added up from, by the layer's sizes.
_SHAPES: Final[Mapping[str, tuple[str, ...]]] = {
    "fc1": ("hidden", "ffn"),
    "dequant_linear": ("hidden", "ffn"),
    "dequant_unpack": ("hidden", "ffn"),
    "fc2": ("ffn", "hidden"),
    "gelu": ("ffn",),
    "relu": ("ffn",),
}


@dataclass(frozen=True, slots=True)
class LayerChoice:
    """What is asked for: operations, `shape` as (hidden, ffn) or None, and experts per token."""

    ops: Sequence[str]
    shape: tuple[int, ...] | None
    top_k: int


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
        return {op: lookup.measured(op, _shape_of(op, asked.shape)).curve.curve for op in curves}
    fitting = [
        layer
        for layer in layers
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
        f" {', '.join(asked.ops)}; its layers are {listed(map(_described, layers))}",
        hint="name one by --shape HIDDENxFFN" if fitting else "profile all of them of one layer",
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


def _described(layer: LayerSizes) -> str:
    return (
        f"{layer.hidden}x{layer.ffn} ({layer.preset}, {layer.experts} experts, top-{layer.top_k},"
        f" {layer.dtype})"
    )
