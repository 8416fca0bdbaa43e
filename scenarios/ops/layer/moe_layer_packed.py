"""moe_layer_packed: a whole layer of gated experts on packed weights as one measured unit.

As moe_layer, with W13 [active experts, 2 ffn, hidden], W2 and those of the shared expert packed in
the preset's format, rows of W13 gate and up in turns. The router's weights are of the scenario's
dtype: no published format quantises them. Its parts are gate, the preset's router, permute,
w13_act_packed, w2_packed, unpermute and shared_expert_packed; the rows of each expert are counted
from the ends that permute gives.
"""

from __future__ import annotations

from functools import partial
from typing import Final

import torch

from ....kernels.formats.drawn import packed_weights
from ....kernels.moe_layer import LayerWeights, moe_layer
from ....kernels.routing import Routing, named_routing
from ....kernels.weights import Weights
from ...expert_loads import choices
from ...operation import InputFactory, Operation
from ...preset import Preset
from ..packed_weights import UNPACK_FLOPS
from . import moe_layer as unpacked
from .packed import gated_bytes, shared_reference


def make_inputs(
    take: InputFactory,
    tokens: int,
    hidden: int,
    ffn: int,
    experts: int,
    top_k: int,
    groups: int,
    kept_groups: int,
    weight_format: str,
    group_size: int,
    router: str,
    activation: str,
    routing: str,
    shared_ffn: int | None = None,
) -> tuple[torch.Tensor, torch.Tensor, LayerWeights, Routing, str]:
    """Activations, the experts of each token among the active ones, weights, and both forms."""
    x = take((tokens, hidden))
    drawn = torch.from_numpy(choices(routing, tokens, experts, top_k))
    active, ids = torch.unique(drawn, return_inverse=True)

    pack = partial(packed_weights, take, weight_format, group_size)
    weights = LayerWeights(
        gate=take((experts, hidden)),
        w13=pack(2 * ffn, hidden, len(active)),
        w2=pack(hidden, ffn, len(active)),
        bias=take((experts,), torch.float32) if router == "topk_biased" else None,
        shared_w13=pack(2 * shared_ffn, hidden) if shared_ffn else None,
        shared_w2=pack(hidden, shared_ffn) if shared_ffn else None,
    )
    return x, ids.to(x.device), weights, named_routing(router, groups, kept_groups), activation


def run(
    x: torch.Tensor, ids: torch.Tensor, weights: LayerWeights, routing: Routing, activation: str
) -> torch.Tensor:
    """Take the tokens through the layer: [tokens, hidden]."""
    return moe_layer(x, ids, weights, routing, activation)


def reference(
    x: torch.Tensor, ids: torch.Tensor, weights: LayerWeights, routing: Routing, activation: str
) -> torch.Tensor:
    """The same, token by token and expert by expert."""
    assert isinstance(weights.w13, Weights)
    assert isinstance(weights.w2, Weights)
    shares, kind = unpacked.shares(x, ids, weights, routing), f"{activation}_mul"
    combined = torch.zeros_like(x)
    for token, pick in ((t, p) for t in range(len(ids)) for p in range(ids.shape[1])):
        own, row = int(ids[token, pick]), x[token : token + 1]
        y = shared_reference(row, weights.w13.of(own), weights.w2.of(own), kind)
        combined[token] += shares[token, pick] * y[0]
    if isinstance(weights.shared_w13, Weights) and isinstance(weights.shared_w2, Weights):
        combined += shared_reference(x, weights.shared_w13, weights.shared_w2, kind)
    return combined


def _flops(tokens: int, preset: Preset) -> int:
    """Those of the layer, and of unpacking each weight of its experts."""
    widths = len(preset.expert_loads(tokens)) * preset.ffn + (preset.shared_ffn or 0)
    return unpacked.OPERATION.flops(tokens, preset) + UNPACK_FLOPS * 3 * preset.hidden * widths


def _bytes_moved(tokens: int, preset: Preset, dtype_bytes: int) -> int:
    """The activations in and out, the ids, and all weights that are read."""
    read = len(preset.expert_loads(tokens)) * gated_bytes(preset.ffn, preset, dtype_bytes)
    if preset.shared_ffn is not None:
        read += gated_bytes(preset.shared_ffn, preset, dtype_bytes)
    return unpacked.other_bytes(tokens, preset, dtype_bytes) + read


OPERATION: Final = Operation(
    name="moe_layer_packed",
    make_inputs=make_inputs,
    run=run,
    reference=reference,
    flops=_flops,
    bytes_moved=_bytes_moved,
    shape=("hidden", "ffn", "shared_ffn"),
    fields=("weight_bits", "group_size", "experts", "top_k"),
    variant=("weight_format", "router", "activation", "routing"),
    imports=(
        "from functools import partial",
        *unpacked.OPERATION.imports,
        "from moeprof.kernels.formats.drawn import packed_weights",
    ),
)
