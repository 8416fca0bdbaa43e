"""A layer of gated experts: router, dispatch, experts, combination and shared expert."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .dispatch import permute, unpermute
from .expert import Weights, expert, experts
from .gated import gated_expert, gated_experts
from .routing import Routing
from .topk import topk


@dataclass(frozen=True, slots=True)
class LayerWeights:
    """Weights of a layer. Without a shared expert both of its weights are None.

    Those of experts are all packed, or none; rows of a packed w13 are gate and up in turns.
    """

    gate: torch.Tensor  # [all experts, K]
    w13: torch.Tensor | Weights  # [experts, 2 ffn, K]
    w2: torch.Tensor | Weights  # [experts, K, ffn]
    bias: torch.Tensor | None = None  # float32 [all experts]; the router ranks by score + bias
    shared_w13: torch.Tensor | Weights | None = None  # [2 shared_ffn, K]
    shared_w2: torch.Tensor | Weights | None = None  # [K, shared_ffn]


def moe_layer(
    x: torch.Tensor, ids: torch.Tensor, weights: LayerWeights, routing: Routing, activation: str
) -> torch.Tensor:
    """Take tokens through a layer: x [tokens, K] -> [tokens, K].

    The router picks experts and gives weights, but each token goes to its experts in `ids`
    [tokens, top_k], which count those of w13 and w2: so a load that is not the router's can be
    measured.
    """
    logits = torch.nn.functional.linear(x, weights.gate)
    shares, _ = topk(logits, ids.shape[1], routing, weights.bias)
    combined = _routed(x, ids, shares, weights, activation)
    w13, w2 = weights.shared_w13, weights.shared_w2
    if w13 is None or w2 is None:
        return combined
    if isinstance(w13, Weights) and isinstance(w2, Weights):
        return combined + expert(x, w13, w2, f"{activation}_mul")
    assert isinstance(w13, torch.Tensor)
    assert isinstance(w2, torch.Tensor)
    return combined + gated_expert(x, w13, w2, activation)


def _routed(
    x: torch.Tensor,
    ids: torch.Tensor,
    shares: torch.Tensor,
    weights: LayerWeights,
    activation: str,
) -> torch.Tensor:
    w13, w2 = weights.w13, weights.w2
    if isinstance(w13, Weights) and isinstance(w2, Weights):
        return routed_packed_experts(x, ids, shares, w13, w2, f"{activation}_mul")
    assert isinstance(w13, torch.Tensor)
    assert isinstance(w2, torch.Tensor)
    return routed_experts(x, ids, shares, w13, w2, activation)


def routed_experts(
    x: torch.Tensor,
    ids: torch.Tensor,
    shares: torch.Tensor,
    w13: torch.Tensor,
    w2: torch.Tensor,
    activation: str,
) -> torch.Tensor:
    """Take tokens to their experts and back, and add up what these give: x [tokens, K] likewise.

    ids [tokens, top_k] are integers below the number of experts, shares [tokens, top_k] the weights
    of what they give, w13 [experts, 2 ffn, K] and w2 [experts, K, ffn].
    """
    rows, ends, order = permute(x, ids, len(w13))
    return unpermute(gated_experts(rows, ends, w13, w2, activation), order, shares)


def routed_packed_experts(
    x: torch.Tensor,
    ids: torch.Tensor,
    shares: torch.Tensor,
    w13: Weights,
    w2: Weights,
    activation: str,
) -> torch.Tensor:
    """The same on packed weights of many experts, whose rows of w13 are gate and up in turns.

    `activation` is one of kernels/activation.py's GATED. Raises BadInput as `grouped_linear` does.
    """
    rows, ends, order = permute(x, ids, len(w13.packed))
    counts = torch.diff(ends, prepend=ends.new_zeros(1))
    return unpermute(experts(rows, counts, w13, w2, activation), order, shares)
