"""The packed weights of vLLM's and SGLang's Triton kernels for 4 and 8 bits ("moe_wna16").

W [experts, outputs, inputs] is uint8 [experts, outputs, inputs * bits / 8]; of two weights of 4
bits in a byte, the one of the even input is in the low nibble. A weight is (q - 8) * scale, or
(q - 128) * scale of 8 bits; scales [experts, outputs, inputs / group] are of the dtype of
activations. Read: fused_moe_kernel_gptq_awq and MoeWNA16Method.create_weights of vLLM 0.11.2 and
0.33.0 (fused_moe/fused_moe.py, quantization/moe_wna16.py), and the kernel of SGLang 0.5.5 and
0.5.23, which is alike in this.
"""

from typing import Any

import torch

from ..expert_loads import active_choices
from ..operation import InputFactory


def packed_inputs(
    take: InputFactory,
    tokens: int,
    hidden: int,
    ffn: int,
    experts: int,
    top_k: int,
    group_size: int,
    weight_bits: int,
    routing: str,
) -> tuple[Any, ...]:
    """Activations, the experts of each token, their shares; W13, W2, and the scales of both."""
    x = take((tokens, hidden))
    ids, active = active_choices(routing, tokens, experts, top_k)
    shares = take((tokens, top_k), torch.float32)
    shapes = ((2 * ffn, hidden), (hidden, ffn))
    w13, w2 = (take((active, n, k * weight_bits // 8), torch.uint8) for n, k in shapes)
    scales13, scales2 = (take((active, n, k // group_size)) for n, k in shapes)
    return x, torch.from_numpy(ids).to(x.device), shares, w13, w2, scales13, scales2


def unpacked(packed: torch.Tensor, scales: torch.Tensor, inputs: int) -> torch.Tensor:
    """Weights [experts, outputs, inputs] of packed ones, of the dtype of the scales."""
    middle, q = 128, packed
    if packed.shape[2] < inputs:
        middle, q = 8, torch.stack([packed & 15, packed >> 4], dim=3).flatten(2)
    group = inputs // scales.shape[2]
    return (q.to(scales.dtype) - middle) * scales.repeat_interleave(group, dim=2)
