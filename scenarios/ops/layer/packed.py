"""w13_act_packed, w2_packed: gated experts on packed weights of 4 or 8 bits, in a launch each.

w13_act_packed  x [tokens * top_k, hidden] sorted by expert, counts int32 [active experts], packed
                int32 [active experts, ...] and scales [active experts, hidden / group_size, 2 ffn]
                of W13, whose rows are gate and up in turns -> act(gate) * up [tokens * top_k, ffn]
w2_packed       x [tokens * top_k, ffn], counts and W2 likewise -> [tokens * top_k, hidden]

All but counts and packed (kernels/packing.py) are of the scenario's dtype. One scale for each group
of neighbours, no zero points. The key names the activation and the distribution of tokens over
experts; idle experts are left out, because no kernel reads their weights.
"""

import math
from typing import Final

import torch

from ....kernels.activation import GATED
from ....kernels.gated import ACT_MUL_FLOPS
from ....kernels.grouped_linear import grouped_linear
from ....kernels.packing import dequantise, packed_shape
from ....kernels.weights import Weights
from ....store.errors import BadInput
from ...expert_loads import active_loads
from ...operation import InputFactory, Operation
from ...preset import Preset
from . import act_mul


def w13_inputs(
    take: InputFactory,
    tokens: int,
    hidden: int,
    ffn: int,
    experts: int,
    top_k: int,
    group_size: int,
    weight_bits: int,
    activation: str,
    routing: str,
    local_experts: int | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, str]:
    """Sorted rows, the rows of each active expert, packed W13, its scales, and the activation."""
    loads = active_loads(routing, tokens, experts, top_k, local_experts)
    x = take((sum(loads), hidden))
    packed = take((len(loads), *packed_shape(2 * ffn, hidden, weight_bits)), torch.int32)
    scales = take((len(loads), hidden // group_size, 2 * ffn))
    counts = torch.tensor(loads, dtype=torch.int32, device=x.device)
    return x, counts, packed, scales, f"{activation}_mul"


def w2_inputs(
    take: InputFactory,
    tokens: int,
    hidden: int,
    ffn: int,
    experts: int,
    top_k: int,
    group_size: int,
    weight_bits: int,
    routing: str,
    local_experts: int | None = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Sorted rows, the rows of each active expert, packed W2 and its scales."""
    loads = active_loads(routing, tokens, experts, top_k, local_experts)
    x = take((sum(loads), ffn))
    packed = take((len(loads), *packed_shape(hidden, ffn, weight_bits)), torch.int32)
    scales = take((len(loads), ffn // group_size, hidden))
    return x, torch.tensor(loads, dtype=torch.int32, device=x.device), packed, scales


def run(
    x: torch.Tensor,
    counts: torch.Tensor,
    packed: torch.Tensor,
    scales: torch.Tensor,
    activation: str = "none",
) -> torch.Tensor:
    """Multiply each row by the weights of its expert, and activate: [rows, results]."""
    return grouped_linear(x, counts, Weights(packed, scales), activation)


def reference(
    x: torch.Tensor,
    counts: torch.Tensor,
    packed: torch.Tensor,
    scales: torch.Tensor,
    activation: str = "none",
) -> torch.Tensor:
    """The same, row by row."""
    experts = torch.arange(len(counts)).repeat_interleave(counts).tolist()
    y = torch.stack(
        [
            dequantise(packed[own], scales[own], x.shape[1]) @ row
            for own, row in zip(experts, x, strict=True)
        ]
    )
    if activation == "none":
        return y
    halves = torch.cat([y[:, 0::2], y[:, 1::2]], dim=1)
    return act_mul.reference(halves, activation.removesuffix("_mul"))


def _w13_flops(tokens: int, preset: Preset) -> int:
    """Per weight of an active expert 2 to unpack it and 2 a row; the activation."""
    if f"{preset.activation}_mul" not in GATED:
        raise BadInput(
            f"w13_act_packed has no kernel for the activation {preset.activation}",
            hint="measure w13_grouped and act_mul_clipped, or write the kernel beside silu_mul",
        )
    rows, active = preset.expert_rows(tokens), len(preset.expert_loads(tokens))
    weights = 2 * preset.hidden * 2 * preset.ffn * (rows + active)
    return weights + ACT_MUL_FLOPS[preset.activation] * rows * preset.ffn


def _w2_flops(tokens: int, preset: Preset) -> int:
    """Per weight of an active expert 2 to unpack it and 2 a row."""
    rows, active = preset.expert_rows(tokens), len(preset.expert_loads(tokens))
    return 2 * preset.hidden * preset.ffn * (rows + active)


def _expert_bytes(outputs: int, inputs: int, preset: Preset, dtype_bytes: int) -> int:
    """Bytes of one expert's count, packed weights and scales."""
    words = math.prod(packed_shape(outputs, inputs, preset.weight_bits))
    return 4 + 4 * words + inputs // preset.group_size * outputs * dtype_bytes


def _row_bytes(tokens: int, preset: Preset, dtype_bytes: int) -> int:
    """Bytes of the rows in and out: one side is hidden wide, the other ffn."""
    return preset.expert_rows(tokens) * (preset.hidden + preset.ffn) * dtype_bytes


def _w13_bytes(tokens: int, preset: Preset, dtype_bytes: int) -> int:
    an_expert = _expert_bytes(2 * preset.ffn, preset.hidden, preset, dtype_bytes)
    return _row_bytes(tokens, preset, dtype_bytes) + len(preset.expert_loads(tokens)) * an_expert


def _w2_bytes(tokens: int, preset: Preset, dtype_bytes: int) -> int:
    an_expert = _expert_bytes(preset.hidden, preset.ffn, preset, dtype_bytes)
    return _row_bytes(tokens, preset, dtype_bytes) + len(preset.expert_loads(tokens)) * an_expert


_IMPORTS: Final = (
    "from moeprof.kernels.grouped_linear import grouped_linear",
    "from moeprof.kernels.packing import packed_shape",
    "from moeprof.kernels.weights import Weights",
    "from moeprof.scenarios.expert_loads import active_loads",
)
_FIELDS: Final = ("weight_bits", "group_size", "experts", "top_k")

W13: Final = Operation(
    name="w13_act_packed",
    make_inputs=w13_inputs,
    run=run,
    reference=reference,
    flops=_w13_flops,
    bytes_moved=_w13_bytes,
    shape=("hidden", "ffn", "local_experts"),
    fields=_FIELDS,
    variant=("activation", "routing"),
    imports=_IMPORTS,
)

W2: Final = Operation(
    name="w2_packed",
    make_inputs=w2_inputs,
    run=run,
    reference=reference,
    flops=_w2_flops,
    bytes_moved=_w2_bytes,
    shape=("ffn", "hidden", "local_experts"),
    fields=_FIELDS,
    variant=("routing",),
    imports=_IMPORTS,
)
