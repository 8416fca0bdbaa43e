"""Gated experts on packed weights of the preset's format, by our kernel: one launch a product.

w13_act_packed        x [tokens * top_k, hidden] sorted by expert, counts int32 [active experts],
                      W13 [active experts, 2 ffn, hidden] whose rows are gate and up in turns
                      -> act(gate) * up [tokens * top_k, ffn]
w2_packed             x [tokens * top_k, ffn], counts, W2 [active experts, hidden, ffn]
                      -> [tokens * top_k, hidden]
shared_expert_packed  x [tokens, hidden], W13 [2 shared_ffn, hidden] likewise, W2 [hidden,
                      shared_ffn] -> [tokens, hidden]

x and the results are of the scenario's dtype, weights and scales as in dequant_linear. The key
names the format where it is not of integers without zero points, the activation, and the
distribution of tokens over experts; idle experts are left out, because no kernel reads their
weights.
"""

from typing import Final

import torch

from ....kernels.expert import Weights, expert
from ....kernels.formats.drawn import packed_weights
from ....kernels.gated import ACT_MUL_FLOPS
from ....kernels.grouped_linear import grouped_linear
from ...expert_loads import active_loads
from ...operation import InputFactory, Operation
from ...preset import Preset
from ..packed_weights import UNPACK_FLOPS, looked_up, packed_bytes
from . import act_mul


def w13_inputs(
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
    local_experts: int | None = None,
) -> tuple[torch.Tensor, torch.Tensor, Weights, str]:
    """Sorted rows, the rows of each active expert, W13, and the activation."""
    loads = active_loads(routing, tokens, experts, top_k, local_experts)
    x = take((sum(loads), hidden))
    weights = packed_weights(take, weight_format, group_size, 2 * ffn, hidden, len(loads))
    counts = torch.tensor(loads, dtype=torch.int32, device=x.device)
    return x, counts, weights, f"{activation}_mul"


def w2_inputs(
    take: InputFactory,
    tokens: int,
    hidden: int,
    ffn: int,
    experts: int,
    top_k: int,
    weight_format: str,
    group_size: int,
    routing: str,
    local_experts: int | None = None,
) -> tuple[torch.Tensor, torch.Tensor, Weights]:
    """Sorted rows, the rows of each active expert, and W2."""
    loads = active_loads(routing, tokens, experts, top_k, local_experts)
    x = take((sum(loads), ffn))
    weights = packed_weights(take, weight_format, group_size, hidden, ffn, len(loads))
    return x, torch.tensor(loads, dtype=torch.int32, device=x.device), weights


def run(
    x: torch.Tensor, counts: torch.Tensor, weights: Weights, activation: str = "none"
) -> torch.Tensor:
    """Multiply each row by the weights of its expert, and activate: [rows, results]."""
    return grouped_linear(x, counts, weights, activation)


def reference(
    x: torch.Tensor, counts: torch.Tensor, weights: Weights, activation: str = "none"
) -> torch.Tensor:
    """The same, row by row."""
    experts = torch.arange(len(counts)).repeat_interleave(counts).tolist()
    rows = zip(experts, x, strict=True)
    y = torch.stack([_linear(row[None], weights.of(own))[0] for own, row in rows])
    return y if activation == "none" else _activated(y, activation)


def shared_inputs(
    take: InputFactory,
    tokens: int,
    hidden: int,
    shared_ffn: int,
    weight_format: str,
    group_size: int,
    activation: str,
) -> tuple[torch.Tensor, Weights, Weights, str]:
    """Activations [tokens, hidden], W13, W2, and the activation."""
    w13 = packed_weights(take, weight_format, group_size, 2 * shared_ffn, hidden)
    w2 = packed_weights(take, weight_format, group_size, hidden, shared_ffn)
    return take((tokens, hidden)), w13, w2, f"{activation}_mul"


def run_shared(x: torch.Tensor, w13: Weights, w2: Weights, activation: str) -> torch.Tensor:
    """Take all tokens through the expert: [tokens, hidden]."""
    return expert(x, w13, w2, activation)


def shared_reference(x: torch.Tensor, w13: Weights, w2: Weights, activation: str) -> torch.Tensor:
    """The same, by its textbook formulas."""
    return _linear(_activated(_linear(x, w13), activation), w2)


def _linear(x: torch.Tensor, weights: Weights) -> torch.Tensor:
    return x @ looked_up(weights, x.shape[1]).to(x.dtype).T


def _activated(y: torch.Tensor, activation: str) -> torch.Tensor:
    """Activate outputs that are gate and up in turns."""
    kind = activation.removesuffix("_mul")
    halves = y if kind == "clipped" else torch.cat([y[:, 0::2], y[:, 1::2]], dim=1)
    return act_mul.reference(halves, kind)


def _w13_flops(tokens: int, preset: Preset) -> int:
    """Per weight of an active expert 2 to unpack it and 2 a row; the activation."""
    rows, active = preset.expert_rows(tokens), len(preset.expert_loads(tokens))
    weights = 2 * preset.ffn * preset.hidden * (2 * rows + UNPACK_FLOPS * active)
    return weights + ACT_MUL_FLOPS[preset.activation] * rows * preset.ffn


def _w2_flops(tokens: int, preset: Preset) -> int:
    """Per weight of an active expert 2 to unpack it and 2 a row."""
    rows, active = preset.expert_rows(tokens), len(preset.expert_loads(tokens))
    return preset.hidden * preset.ffn * (2 * rows + UNPACK_FLOPS * active)


def shared_packed_flops(tokens: int, preset: Preset) -> int:
    """Three products of hidden by shared_ffn, whose weights are unpacked, and the activation."""
    width = preset.shared_ffn or 0
    products = 3 * preset.hidden * width * (2 * tokens + UNPACK_FLOPS)
    return products + ACT_MUL_FLOPS[preset.activation] * tokens * width


def gated_bytes(width: int, preset: Preset, dtype_bytes: int) -> int:
    """Bytes of both packed weights of a gated expert of this inner width, with their scales."""
    sizes = ((2 * width, preset.hidden), (preset.hidden, width))
    return sum(packed_bytes(*size, preset, dtype_bytes) for size in sizes)


def _grouped_bytes(tokens: int, outputs: int, inputs: int, preset: Preset, dtype_bytes: int) -> int:
    """The rows in and out, and of each active expert its count, weights and scales.

    One side of the rows is hidden wide and the other ffn.
    """
    rows = preset.expert_rows(tokens) * (preset.hidden + preset.ffn) * dtype_bytes
    an_expert = 4 + packed_bytes(outputs, inputs, preset, dtype_bytes)
    return rows + len(preset.expert_loads(tokens)) * an_expert


_IMPORTS: Final = (
    "from moeprof.kernels.expert import Weights, expert",
    "from moeprof.kernels.grouped_linear import grouped_linear",
    "from moeprof.scenarios.expert_loads import active_loads",
    "from moeprof.kernels.formats.drawn import packed_weights",
)
_FIELDS: Final = ("weight_bits", "group_size", "experts", "top_k")

W13: Final = Operation(
    name="w13_act_packed",
    make_inputs=w13_inputs,
    run=run,
    reference=reference,
    flops=_w13_flops,
    bytes_moved=lambda tokens, preset, dtype_bytes: _grouped_bytes(
        tokens, 2 * preset.ffn, preset.hidden, preset, dtype_bytes
    ),
    shape=("hidden", "ffn", "local_experts"),
    fields=_FIELDS,
    variant=("weight_format", "activation", "routing"),
    imports=_IMPORTS,
)

W2: Final = Operation(
    name="w2_packed",
    make_inputs=w2_inputs,
    run=run,
    reference=reference,
    flops=_w2_flops,
    bytes_moved=lambda tokens, preset, dtype_bytes: _grouped_bytes(
        tokens, preset.hidden, preset.ffn, preset, dtype_bytes
    ),
    shape=("ffn", "hidden", "local_experts"),
    fields=_FIELDS,
    variant=("weight_format", "routing"),
    imports=_IMPORTS,
)

SHARED: Final = Operation(
    name="shared_expert_packed",
    make_inputs=shared_inputs,
    run=run_shared,
    reference=shared_reference,
    flops=shared_packed_flops,
    bytes_moved=lambda tokens, preset, dtype_bytes: (
        2 * tokens * preset.hidden * dtype_bytes
        + gated_bytes(preset.shared_ffn or 0, preset, dtype_bytes)
    ),
    shape=("hidden", "shared_ffn"),
    fields=("weight_bits", "group_size"),
    variant=("weight_format", "activation"),
    imports=_IMPORTS,
)
