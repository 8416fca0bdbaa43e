"""moe_layer: a whole layer of gated experts as one measured unit, to hold the sum of its parts to.

x [tokens, hidden], ids int64 [tokens, top_k], the router's weights [experts, hidden] and for
topk_biased its bias float32 [experts], W13 [active experts, 2 ffn, hidden], W2 [active experts,
hidden, ffn], and of a shared expert W13 [2 shared_ffn, hidden] and W2 [hidden, shared_ffn]
-> y [tokens, hidden]; all but ids and bias of the scenario's dtype.

Its parts are gate, the preset's router, permute, w13_grouped, act_mul, w2_grouped, unpermute, and
where the preset has one shared_expert, whose result is added. The key names the router, the
activation and the distribution of tokens over experts. Random logits would route by themselves: so
the router's choice is computed and its weights are used, but the tokens go to the experts of the
distribution. Idle experts are left out, because no kernel reads their weights.
"""

from typing import Final

import torch

from ....kernels.moe_layer import LayerWeights, moe_layer
from ....kernels.routing import Routing, named_routing
from ...expert_loads import choices
from ...operation import InputFactory, Operation
from ...preset import Preset
from .. import topk
from . import act_mul, gate, routers, shared_expert, unpermute, w2, w13

ROUTERS: Final = {one.name: one for one in (topk.OPERATION, *routers.OPERATIONS)}
"""Operations by the router that a preset names."""


def make_inputs(
    take: InputFactory,
    tokens: int,
    hidden: int,
    ffn: int,
    experts: int,
    top_k: int,
    groups: int,
    kept_groups: int,
    router: str,
    activation: str,
    routing: str,
    shared_ffn: int | None = None,
) -> tuple[torch.Tensor, torch.Tensor, LayerWeights, Routing, str]:
    """Activations, the experts of each token among the active ones, weights, and both forms."""
    x = take((tokens, hidden))
    drawn = torch.from_numpy(choices(routing, tokens, experts, top_k))
    active, ids = torch.unique(drawn, return_inverse=True)
    weights = LayerWeights(
        gate=take((experts, hidden)),
        w13=take((len(active), 2 * ffn, hidden)),
        w2=take((len(active), hidden, ffn)),
        bias=take((experts,), torch.float32) if router == "topk_biased" else None,
        shared_w13=take((2 * shared_ffn, hidden)) if shared_ffn else None,
        shared_w2=take((hidden, shared_ffn)) if shared_ffn else None,
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
    assert isinstance(weights.w13, torch.Tensor)
    assert isinstance(weights.w2, torch.Tensor)
    chosen = shares(x, ids, weights, routing)
    combined = torch.zeros_like(x)
    for token, pick in ((t, p) for t in range(len(ids)) for p in range(ids.shape[1])):
        own, row = ids[token, pick], x[token : token + 1]
        y = shared_expert.reference(row, weights.w13[own], weights.w2[own], activation)
        combined[token] += chosen[token, pick] * y[0]
    w13, w2 = weights.shared_w13, weights.shared_w2
    if isinstance(w13, torch.Tensor) and isinstance(w2, torch.Tensor):
        combined += shared_expert.reference(x, w13, w2, activation)
    return combined


def shares(
    x: torch.Tensor, ids: torch.Tensor, weights: LayerWeights, routing: Routing
) -> torch.Tensor:
    """The weights of each token's picks, [tokens, top_k], by the references of its router."""
    logits = gate.reference(x, weights.gate)
    if routing.scores == "picked":
        return topk.reference(logits, ids.shape[1])[0]
    return routers.reference(logits, ids.shape[1], routing, weights.bias)[0]


def _flops(tokens: int, preset: Preset) -> int:
    """Those of its parts, and the addition of the shared expert's result."""
    router = ROUTERS[preset.router]
    parts = (gate.OPERATION, router, w13.W13_GROUPED, w2.W2_GROUPED, unpermute.OPERATION)
    routed = sum(part.flops(tokens, preset) for part in parts)
    routed += act_mul.act_mul_flops(preset.activation, tokens, preset)
    if preset.shared_ffn is None:
        return routed
    return routed + shared_expert.shared_flops(tokens, preset) + tokens * preset.hidden


def other_bytes(tokens: int, preset: Preset, dtype_bytes: int) -> int:
    """Bytes of the activations in and out, the ids, and the router's weights."""
    bias = 4 * preset.experts if preset.router == "topk_biased" else 0
    rows = (2 * tokens + preset.experts) * preset.hidden * dtype_bytes
    return rows + 8 * tokens * preset.top_k + bias


def _bytes_moved(tokens: int, preset: Preset, dtype_bytes: int) -> int:
    """Those and all weights of experts that are read."""
    widths = len(preset.expert_loads(tokens)) * preset.ffn + (preset.shared_ffn or 0)
    return other_bytes(tokens, preset, dtype_bytes) + 3 * widths * preset.hidden * dtype_bytes


OPERATION = Operation(
    name="moe_layer",
    make_inputs=make_inputs,
    run=run,
    reference=reference,
    flops=_flops,
    bytes_moved=_bytes_moved,
    shape=("hidden", "ffn", "shared_ffn"),
    fields=("experts", "top_k"),
    variant=("router", "activation", "routing"),
    imports=(
        "from moeprof.kernels.moe_layer import LayerWeights, moe_layer",
        "from moeprof.kernels.routing import Routing, named_routing",
        "from moeprof.scenarios.expert_loads import choices",
    ),
)
