"""dequant_unpack: fc1's 4-bit weights to the scenario's dtype, as a step of its own.

packed int32 [ffn, hidden / 8], scales [hidden / group_size, ffn] -> W [ffn, hidden]. What a layer
pays on top of fc1 where the product is not fused with it. It sees no token: its cost is the same
at every batch size, and its curve is flat.
"""

import torch

from ..kernels.int4 import dequant_unpack
from .operation import Operation, Take


def make_inputs(
    take: Take, tokens: int, hidden: int, ffn: int, group_size: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Packed weights [ffn, hidden / 8] and scales [hidden / group_size, ffn]."""
    return take((ffn, hidden // 8), torch.int32), take((hidden // group_size, ffn))


def run(packed: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """Unpack and scale the weights: [ffn, hidden]."""
    return dequant_unpack(packed, scales)


def reference(packed: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """The same, one of a word's eight weights after the other."""
    n = torch.stack([(packed >> shift) & 15 for shift in range(0, 32, 4)], dim=2).flatten(1)
    group_size = n.shape[1] // scales.shape[0]
    return (n - 8) * scales.repeat_interleave(group_size, dim=0).T


OPERATION = Operation(
    name="dequant_unpack",
    make_inputs=make_inputs,
    run=run,
    reference=reference,
    # One subtraction and one multiplication a weight.
    flops=lambda tokens, preset: 2 * preset.hidden * preset.ffn,
    bytes_moved=lambda tokens, preset, dtype_bytes: (
        preset.hidden * preset.ffn // 2
        + preset.hidden // preset.group_size * preset.ffn * dtype_bytes
        + preset.hidden * preset.ffn * dtype_bytes
    ),
    shape=("hidden", "ffn"),
    fields=("weight_bits", "group_size"),
    imports=("from moeprof.kernels.int4 import dequant_unpack",),
)
