"""dequant_linear: fc1 on 4-bit weights in one kernel, y = x dequantise(W)ᵀ.

x [tokens, hidden], packed int32 [ffn, hidden / 8], scales [hidden / group_size, ffn]
-> y [tokens, ffn]; all but packed of the scenario's dtype.
"""

import torch

from ..kernels.dequant_linear import dequant_linear
from .operation import Operation, Take


def make_inputs(
    take: Take, tokens: int, hidden: int, ffn: int, group_size: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Activations [tokens, hidden], packed weights [ffn, hidden / 8], scales."""
    packed = take((ffn, hidden // 8), torch.int32)
    return take((tokens, hidden)), packed, take((hidden // group_size, ffn))


def run(x: torch.Tensor, packed: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """Multiply by the transposed weights without writing them out: [tokens, ffn]."""
    return dequant_linear(x, packed, scales)


def reference(x: torch.Tensor, packed: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """The same, in two steps."""
    n = torch.stack([(packed >> shift) & 15 for shift in range(0, 32, 4)], dim=2).flatten(1)
    group_size = n.shape[1] // scales.shape[0]
    weight = (n - 8) * scales.repeat_interleave(group_size, dim=0).T
    return torch.einsum("th,fh->tf", x, weight)


OPERATION = Operation(
    name="dequant_linear",
    make_inputs=make_inputs,
    run=run,
    reference=reference,
    flops=lambda tokens, preset: 2 * (tokens + 1) * preset.hidden * preset.ffn,
    bytes_moved=lambda tokens, preset, dtype_bytes: (
        tokens * preset.hidden * dtype_bytes
        + preset.hidden * preset.ffn // 2
        + preset.hidden // preset.group_size * preset.ffn * dtype_bytes
        + tokens * preset.ffn * dtype_bytes
    ),
    shape=("hidden", "ffn"),
    fields=("weight_bits", "group_size"),
    imports=("from moeprof.kernels.dequant_linear import dequant_linear",),
)
