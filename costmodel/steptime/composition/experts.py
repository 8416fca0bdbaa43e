"""What the routed experts of a layer take by measured kernels, by tokens and active experts."""

from typing import Final

import numpy as np

from ....store.serving.whole_model import WholeModel
from ..features.steps import Array
from .kernels import ModelKernels, lacking

# Operations over tokens that were dealt out to all experts in turns, by the matrices of an expert.
_BALANCED: Final = {3: "moe_balanced", 2: "moe_balanced_nongated"}
_NOT_ROUTED: Final = ("shared_expert",)


def experts_us(
    kernels: ModelKernels, served: WholeModel, tokens: Array, active: Array
) -> tuple[Array, Array]:
    """One layer's routed experts on one GPU that holds all, and how many of them were read.

    By a measured layer of these sizes at the `active` experts; else by tokens that were dealt out
    to all experts in turns, which read as many as they can. `tokens`, `active` and the results have
    the shape (n,). Raises BadInput where the model has neither.
    """
    experts = served.experts
    assert experts is not None
    size, width, top_k = _size(served), experts.intermediate_size, experts.top_k
    most = np.minimum(np.maximum(1, np.rint(tokens)) * top_k, experts.count)
    what = f"experts of {size} x {width}, {top_k} of {experts.count}"
    if _has_layer(kernels, served):
        read = np.clip(np.rint(active), top_k, most)
        each = zip(tokens, read, strict=True)
        return np.asarray([_layer_us(kernels, served, *one, what) for one in each]), read
    for curve in kernels.model.curves:
        sizes = (curve.op, curve.shape, curve.experts, curve.top_k)
        if sizes == (_BALANCED[served.ffn_matrices], (size, width), experts.count, top_k):
            name = curve.curve
            break
    else:
        raise lacking(what)
    us = kernels.looked_up(
        (name,), tokens, what, lambda some: kernels.model.get_cost(name, some).latency_us
    )
    return us, most


def _size(served: WholeModel) -> int:
    """The width that routed experts work on."""
    latent = 0 if served.experts is None else served.experts.latent_size
    return latent or served.hidden_size


def _has_layer(kernels: ModelKernels, served: WholeModel) -> bool:
    experts = served.experts
    assert experts is not None
    sizes = (_size(served), experts.intermediate_size, experts.count, experts.top_k)
    return any(
        (layer.hidden, layer.ffn, layer.held_experts, layer.top_k) == sizes
        and layer.ranks == 1
        and layer.weight_format is None
        and bool(layer.parts)
        for layer in kernels.model.file.layers
    )


def _layer_us(
    kernels: ModelKernels, served: WholeModel, tokens: float, active: float, what: str
) -> float:
    """The parts of a measured layer, without its shared expert."""
    experts = served.experts
    assert experts is not None
    shape, top_k = (_size(served), experts.intermediate_size), experts.top_k

    def cost(size: int) -> float:
        found = kernels.model.get_layer_cost(
            size, shape=shape, top_k=top_k, active_experts=int(active), weight_format="none"
        )
        parts = (part for part in found.parts if part.cost.op not in _NOT_ROUTED)
        return sum(part.calls * part.cost.latency_us for part in parts)

    return float(kernels.looked_up((shape, active), np.asarray([tokens]), what, cost)[0])
