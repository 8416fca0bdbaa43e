"""dequant_unpack: unpack fc1's packed weights to the scenario's dtype, in a separate pass.

packed int32 [ceil(ffn / 16), ceil(hidden / 64), 32, weight_bits], scales [hidden / group_size, ffn]
-> W [ffn, hidden]. A layer pays this on top of fc1 if unpacking is not fused with the product. It
has no tokens: its cost is the same at every batch size, and its curve is flat.
"""

import math

import torch

from ...kernels.packing import dequantise, packed_shape
from ..operation import InputFactory, Operation


def make_inputs(
    take: InputFactory, tokens: int, hidden: int, ffn: int, weight_bits: int, group_size: int
) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Packed weights, scales [hidden / group_size, ffn], and the number of inputs."""
    packed = take(packed_shape(ffn, hidden, weight_bits), torch.int32)
    return packed, take((hidden // group_size, ffn)), hidden


def run(packed: torch.Tensor, scales: torch.Tensor, hidden: int) -> torch.Tensor:
    """Unpack and scale the weights: [ffn, hidden]."""
    return dequantise(packed, scales, hidden)


def reference(packed: torch.Tensor, scales: torch.Tensor, hidden: int) -> torch.Tensor:
    """The same, each weight looked up at its place in the layout (kernels/packing.py)."""
    ffn = scales.shape[1]
    n = torch.arange(ffn)[:, None]
    k = torch.arange(hidden)[None, :]
    lane = n % 8 * 4 + k % 8 // 2
    tile, left, high = k % 64 // 16, n % 16 // 8, k % 16 // 8
    if packed.shape[3] == 4:
        word, place = packed[n // 16, k // 64, lane, tile], k % 2 * 4 + left + high * 2
        q = ((word >> 4 * place) & 15) - 8
    else:
        word, place = packed[n // 16, k // 64, lane, 2 * tile + high], k % 2 * 2 + left
        q = (((word >> 8 * place) & 255) ^ 128) - 128
    return q * scales.repeat_interleave(hidden // len(scales), dim=0).T


OPERATION = Operation(
    name="dequant_unpack",
    make_inputs=make_inputs,
    run=run,
    reference=reference,
    # One subtraction and one multiplication per weight.
    flops=lambda tokens, preset: 2 * preset.hidden * preset.ffn,
    bytes_moved=lambda tokens, preset, dtype_bytes: (
        4 * math.prod(packed_shape(preset.ffn, preset.hidden, preset.weight_bits))
        + preset.hidden // preset.group_size * preset.ffn * dtype_bytes
        + preset.hidden * preset.ffn * dtype_bytes
    ),
    shape=("hidden", "ffn"),
    fields=("weight_bits", "group_size"),
    imports=("from moeprof.kernels.packing import dequantise, packed_shape",),
)
