"""routed_experts, routed_experts_packed: a layer's routed experts, from tokens and back to them.

x [tokens, hidden], ids int32 [tokens, top_k] of the active experts, shares float32 [tokens, top_k]
-> y [tokens, hidden]: permute, w13, activation, w2 and unpermute, without the router. It is what an
engine's fused experts compute, which are measured on the same scenario (scenarios/engines).

routed_experts         W13 [active experts, 2 ffn, hidden], whose rows are all gates, then all ups,
                       or in turns for `clipped`, and W2 [active experts, hidden, ffn]
routed_experts_packed  W13 and W2 as in w13_act_packed and w2_packed

All but ids, shares and packed weights are of the scenario's dtype. The key names the activation and
the distribution of tokens over experts; idle experts are left out, because no kernel reads their
weights.
"""

from typing import Any, Final

import torch

from ....kernels.formats.drawn import packed_weights
from ....kernels.moe_layer import routed_experts, routed_packed_experts
from ....kernels.weights import Weights
from ...expert_loads import active_choices
from ...operation import InputFactory, Operation
from ...preset import Preset
from ..packed_weights import UNPACK_FLOPS
from . import packed, shared_expert, unpermute, w2, w13
from .act_mul import act_mul_flops


def plain_inputs(
    take: InputFactory,
    tokens: int,
    hidden: int,
    ffn: int,
    experts: int,
    top_k: int,
    activation: str,
    routing: str,
) -> tuple[Any, ...]:
    """Activations, the experts of each token among the active ones, their shares, and weights."""
    x = take((tokens, hidden))
    ids, active = active_choices(routing, tokens, experts, top_k)
    shares = take((tokens, top_k), torch.float32)
    w13, w2 = take((active, 2 * ffn, hidden)), take((active, hidden, ffn))
    return x, torch.from_numpy(ids).to(x.device), shares, w13, w2, activation


def run_plain(
    x: torch.Tensor,
    ids: torch.Tensor,
    shares: torch.Tensor,
    w13: torch.Tensor,
    w2: torch.Tensor,
    activation: str,
) -> torch.Tensor:
    """Take each token through its experts: [tokens, hidden]."""
    return routed_experts(x, ids, shares, w13, w2, activation)


def reference(
    x: torch.Tensor,
    ids: torch.Tensor,
    shares: torch.Tensor,
    w13: torch.Tensor,
    w2: torch.Tensor,
    activation: str,
) -> torch.Tensor:
    """The same, token by token and expert by expert."""
    combined = torch.zeros_like(x)
    for token, pick in ((t, p) for t in range(len(ids)) for p in range(ids.shape[1])):
        own, row = int(ids[token, pick]), x[token : token + 1]
        y = shared_expert.reference(row, w13[own], w2[own], activation)
        combined[token] += shares[token, pick] * y[0]
    return combined


def packed_inputs(
    take: InputFactory,
    tokens: int,
    hidden: int,
    ffn: int,
    experts: int,
    top_k: int,
    weight_format: str,
    group_size: int,
    activation: str,
    routing: str,
) -> tuple[Any, ...]:
    """Activations, the experts of each token among the active ones, their shares, and weights."""
    x = take((tokens, hidden))
    ids, active = active_choices(routing, tokens, experts, top_k)
    shares = take((tokens, top_k), torch.float32)
    w13 = packed_weights(take, weight_format, group_size, 2 * ffn, hidden, active)
    w2 = packed_weights(take, weight_format, group_size, hidden, ffn, active)
    return x, torch.from_numpy(ids).to(x.device), shares, w13, w2, f"{activation}_mul"


def run_packed(
    x: torch.Tensor,
    ids: torch.Tensor,
    shares: torch.Tensor,
    w13: Weights,
    w2: Weights,
    activation: str,
) -> torch.Tensor:
    """Take each token through its experts: [tokens, hidden]."""
    return routed_packed_experts(x, ids, shares, w13, w2, activation)


def packed_reference(
    x: torch.Tensor,
    ids: torch.Tensor,
    shares: torch.Tensor,
    w13: Weights,
    w2: Weights,
    activation: str,
) -> torch.Tensor:
    """The same, token by token and expert by expert."""
    combined = torch.zeros_like(x)
    for token, pick in ((t, p) for t in range(len(ids)) for p in range(ids.shape[1])):
        own, row = int(ids[token, pick]), x[token : token + 1]
        y = packed.shared_reference(row, w13.of(own), w2.of(own), activation)
        combined[token] += shares[token, pick] * y[0]
    return combined


def flops(tokens: int, preset: Preset) -> int:
    """Those of both products, the activation, and the combination."""
    parts = (w13.W13_GROUPED, w2.W2_GROUPED, unpermute.OPERATION)
    routed = sum(part.flops(tokens, preset) for part in parts)
    return routed + act_mul_flops(preset.activation, tokens, preset)


def packed_flops(tokens: int, preset: Preset) -> int:
    """The same, and 2 to unpack each weight of an active expert."""
    weights = 3 * preset.hidden * preset.ffn * len(preset.expert_loads(tokens))
    return flops(tokens, preset) + UNPACK_FLOPS * weights


def bytes_moved(tokens: int, preset: Preset, dtype_bytes: int) -> int:
    """The activations in and out, ids and shares, and the weights of each active expert."""
    weights = 3 * preset.hidden * preset.ffn * len(preset.expert_loads(tokens))
    return _token_bytes(tokens, preset, dtype_bytes) + weights * dtype_bytes


def packed_bytes(tokens: int, preset: Preset, dtype_bytes: int) -> int:
    """The activations in and out, ids and shares, packed weights and scales of active experts."""
    experts = len(preset.expert_loads(tokens)) * packed.gated_bytes(preset.ffn, preset, dtype_bytes)
    return _token_bytes(tokens, preset, dtype_bytes) + experts


def _token_bytes(tokens: int, preset: Preset, dtype_bytes: int) -> int:
    return tokens * (2 * preset.hidden * dtype_bytes + (4 + 4) * preset.top_k)


PLAIN: Final = Operation(
    name="routed_experts",
    make_inputs=plain_inputs,
    run=run_plain,
    reference=reference,
    flops=flops,
    bytes_moved=bytes_moved,
    shape=("hidden", "ffn"),
    fields=("experts", "top_k"),
    variant=("activation", "routing"),
    imports=(
        "from moeprof.kernels.moe_layer import routed_experts",
        "from moeprof.scenarios.expert_loads import active_choices",
    ),
)

PACKED: Final = Operation(
    name="routed_experts_packed",
    make_inputs=packed_inputs,
    run=run_packed,
    reference=packed_reference,
    flops=packed_flops,
    bytes_moved=packed_bytes,
    shape=("hidden", "ffn"),
    fields=("weight_bits", "group_size", "experts", "top_k"),
    variant=("weight_format", "activation", "routing"),
    imports=(
        "from moeprof.kernels.moe_layer import routed_packed_experts",
        "from moeprof.kernels.formats.drawn import packed_weights",
        "from moeprof.kernels.weights import Weights",
        "from moeprof.scenarios.expert_loads import active_choices",
    ),
)
