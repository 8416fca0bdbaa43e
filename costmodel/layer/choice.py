"""Which layer of a model is asked for: by its sizes, at every routing that was measured."""

from collections.abc import Container, Iterable, Sequence

from ...kernels.formats.names import FORMATS, SYMMETRIC, UNQUANTISED
from ...store.errors import BadInput
from ...store.fitted_runs import LayerSizes
from ...store.text.listed import listed
from ..weights import DTYPE_BITS
from .query import LayerQuery


def layers_asked_for(
    layers: Sequence[LayerSizes], query: LayerQuery, measured: Container[str] = ()
) -> tuple[LayerSizes, ...]:
    """The one layer of gated experts that fits, at each routing that it was measured with.

    None where the model has none, or where another layer of it fits the shape. `measured` are the
    curves of the model. Raises BadInput, listing them, where several fit, and where none does.
    """
    fitting = [one for one in layers if _fits(one, query)]
    gated = [one for one in fitting if one.parts]
    if not gated:
        others = [one for one in layers if one.parts]
        if not others or (fitting and query.weight_format is None):
            return ()
        raise _choose_another("no measured layer", others, query, measured)
    if query.weight_bits is not None:
        gated = [one for one in gated if query.weight_bits in _bits_of(one)] or gated
    if not all(one.same_but_routing(gated[0]) for one in gated):
        raise _choose_another("several layers", layers, query, measured)
    return tuple(gated)


def formats_asked_for(layers: Iterable[LayerSizes], query: LayerQuery) -> tuple[str, ...]:
    """The formats of weights in which a layer of gated experts fits; UNQUANTISED is one."""
    gated = (one for one in layers if one.parts and _fits(one, query))
    return tuple(dict.fromkeys(one.weight_format or UNQUANTISED for one in gated))


def own_bits(layer: LayerSizes) -> int:
    """The bits of a layer's weights: of its format, or of its dtype where it has none."""
    own = layer.weight_format
    return DTYPE_BITS[layer.dtype] if own is None else FORMATS[own].bits


def described(layer: LayerSizes) -> str:
    """The sizes of a layer, for a list of layers."""
    held = "" if layer.ranks == 1 else f", {layer.held_experts} of them here"
    weights = "" if layer.weight_format is None else f", weights of {layer.weight_format}"
    return (
        f"{layer.hidden}x{layer.ffn} ({layer.preset}, {layer.experts} experts{held},"
        f" top-{layer.top_k}, {layer.dtype}{weights})"
    )


def _bits_of(layer: LayerSizes) -> set[int | None]:
    """The bits of weights that a layer was measured with."""
    return {own_bits(layer), *(part.weight_bits for part in (*layer.parts, *layer.routed))}


def _fits(layer: LayerSizes, query: LayerQuery) -> bool:
    sizes = (layer.hidden, layer.ffn, layer.held_experts)
    shape = sizes if query.shape is None else tuple(query.shape)
    own, asked = layer.weight_format, query.weight_format
    fits = shape in (sizes, sizes[:2]) and query.top_k in (None, layer.top_k)
    if own is not None and query.weight_bits is not None:
        fits = fits and own_bits(layer) == query.weight_bits
    return fits and asked in (None, own or UNQUANTISED)


def _choose_another(
    how_many: str, layers: Sequence[LayerSizes], query: LayerQuery, measured: Container[str]
) -> BadInput:
    shape = "" if query.shape is None else f" of {'x'.join(map(str, query.shape))}"
    picks = "" if query.top_k is None else f" with top-{query.top_k}"
    picks += "" if query.weight_format is None else f" on weights of {query.weight_format}"
    known = listed(dict.fromkeys(map(described, layers)))
    hint = (
        "name one by --shape HIDDENxFFN, or HIDDENxFFNxEXPERTS of those on this device, or by"
        " --weight-format"
    )
    bits = FORMATS[query.weight_format].bits if query.weight_format in SYMMETRIC else None
    parts = (part for one in layers for part in one.parts if part.curve in measured)
    if bits and any(part.weight_bits == bits for part in parts):
        hint = f"a layer has such weights beside its own: name them by --weight-bits {bits}"
    return BadInput(f"the model has {how_many}{shape}{picks}; its layers are {known}", hint=hint)
