"""dequant_unpack: unpack fc1's packed weights to the scenario's dtype, in a separate pass.

packed int32 [ceil(ffn / 16), ceil(hidden / 64), 32, bits] and scales of the preset's format, as in
dequant_linear -> W [ffn, hidden]. A layer pays this on top of fc1 if unpacking is not fused with
the product. It has no tokens: its cost is the same at every batch size, and its curve is flat.
"""

import torch

from ...kernels.formats.drawn import packed_weights
from ...kernels.packing import dequantise
from ...kernels.weights import Weights
from ..operation import InputFactory, Operation
from .packed_weights import UNPACK_FLOPS, looked_up, packed_bytes


def make_inputs(
    take: InputFactory, tokens: int, hidden: int, ffn: int, weight_format: str, group_size: int
) -> tuple[Weights, int, torch.dtype]:
    """Packed weights [ffn, hidden], the number of inputs, and the dtype of the result."""
    weights = packed_weights(take, weight_format, group_size, ffn, hidden)
    return weights, hidden, take((1,)).dtype


def run(weights: Weights, hidden: int, dtype: torch.dtype) -> torch.Tensor:
    """Unpack and scale the weights: [ffn, hidden]."""
    return dequantise(weights.packed, weights.scales, hidden, weights.zeros, weights.codes, dtype)


def reference(weights: Weights, hidden: int, dtype: torch.dtype) -> torch.Tensor:
    """The same, each weight looked up at its place in the layout (kernels/packing.py)."""
    return looked_up(weights, hidden)


OPERATION = Operation(
    name="dequant_unpack",
    make_inputs=make_inputs,
    run=run,
    reference=reference,
    flops=lambda tokens, preset: UNPACK_FLOPS * preset.hidden * preset.ffn,
    bytes_moved=lambda tokens, preset, dtype_bytes: (
        packed_bytes(preset.ffn, preset.hidden, preset, dtype_bytes)
        + preset.hidden * preset.ffn * dtype_bytes
    ),
    shape=("hidden", "ffn"),
    fields=("weight_bits", "group_size"),
    variant=("weight_format",),
    imports=(
        "from moeprof.kernels.packing import dequantise",
        "from moeprof.kernels.weights import Weights",
        "from moeprof.kernels.formats.drawn import packed_weights",
    ),
)
