"""dequant_linear: fc1 on packed weights in one kernel, y = x dequantise(W)ᵀ.

x [tokens, hidden], packed int32 [ceil(ffn / 16), ceil(hidden / 64), 32, weight_bits],
scales [hidden / group_size, ffn] -> y [tokens, ffn]; all but packed of the scenario's dtype.
"""

import math

import torch

from ...kernels.dequant_linear import dequant_linear
from ...kernels.packing import packed_shape
from ..operation import InputFactory, Operation
from . import dequant_unpack


def make_inputs(
    take: InputFactory, tokens: int, hidden: int, ffn: int, weight_bits: int, group_size: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Activations [tokens, hidden], packed weights, scales [hidden / group_size, ffn]."""
    packed = take(packed_shape(ffn, hidden, weight_bits), torch.int32)
    return take((tokens, hidden)), packed, take((hidden // group_size, ffn))


def run(x: torch.Tensor, packed: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """Multiply by the transposed weights without writing them out: [tokens, ffn]."""
    return dequant_linear(x, packed, scales)


def reference(x: torch.Tensor, packed: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """The same, in two steps."""
    weight = dequant_unpack.reference(packed, scales, x.shape[1])
    return torch.einsum("th,fh->tf", x, weight)


OPERATION = Operation(
    name="dequant_linear",
    make_inputs=make_inputs,
    run=run,
    reference=reference,
    flops=lambda tokens, preset: 2 * (tokens + 1) * preset.hidden * preset.ffn,
    bytes_moved=lambda tokens, preset, dtype_bytes: (
        tokens * preset.hidden * dtype_bytes
        + 4 * math.prod(packed_shape(preset.ffn, preset.hidden, preset.weight_bits))
        + preset.hidden // preset.group_size * preset.ffn * dtype_bytes
        + tokens * preset.ffn * dtype_bytes
    ),
    shape=("hidden", "ffn"),
    fields=("weight_bits", "group_size"),
    imports=(
        "from moeprof.kernels.dequant_linear import dequant_linear",
        "from moeprof.kernels.packing import packed_shape",
    ),
)
