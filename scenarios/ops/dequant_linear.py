"""dequant_linear: fc1 on packed weights in one kernel, y = x dequantise(W)ᵀ.

x [tokens, hidden], packed int32 [ceil(ffn / 16), ceil(hidden / 64), 32, bits] and scales of the
preset's format (kernels/packing.py), of integers [hidden / group_size, ffn] -> y [tokens, ffn]; all
but packed, and the scales of fp8 and mxfp4, are of the scenario's dtype. The key names the format
where it is not of integers without zero points.
"""

import torch

from ...kernels.dequant_linear import dequant_linear
from ...kernels.formats.drawn import packed_weights
from ...kernels.weights import Weights
from ..operation import InputFactory, Operation
from .packed_weights import UNPACK_FLOPS, looked_up, packed_bytes


def make_inputs(
    take: InputFactory, tokens: int, hidden: int, ffn: int, weight_format: str, group_size: int
) -> tuple[torch.Tensor, Weights]:
    """Activations [tokens, hidden] and packed weights [ffn, hidden]."""
    return take((tokens, hidden)), packed_weights(take, weight_format, group_size, ffn, hidden)


def run(x: torch.Tensor, weights: Weights) -> torch.Tensor:
    """Multiply by the transposed weights without writing them out: [tokens, ffn]."""
    return dequant_linear(x, *weights.tensors, codes=weights.codes)


def reference(x: torch.Tensor, weights: Weights) -> torch.Tensor:
    """The same, in two steps."""
    return torch.einsum("th,fh->tf", x, looked_up(weights, x.shape[1]).to(x.dtype))


OPERATION = Operation(
    name="dequant_linear",
    make_inputs=make_inputs,
    run=run,
    reference=reference,
    flops=lambda tokens, preset: (2 * tokens + UNPACK_FLOPS) * preset.hidden * preset.ffn,
    bytes_moved=lambda tokens, preset, dtype_bytes: (
        tokens * (preset.hidden + preset.ffn) * dtype_bytes
        + packed_bytes(preset.ffn, preset.hidden, preset, dtype_bytes)
    ),
    shape=("hidden", "ffn"),
    fields=("weight_bits", "group_size"),
    variant=("weight_format",),
    imports=(
        "from moeprof.kernels.dequant_linear import dequant_linear",
        "from moeprof.kernels.weights import Weights",
        "from moeprof.kernels.formats.drawn import packed_weights",
    ),
)
