"""The fp8_block weights of vLLM's and SGLang's Triton kernels: a scale for 128 by 128 of them.

W [experts, outputs, inputs] is float8_e4m3fn, its scales float32 [experts, outputs / 128, inputs /
128], as DeepSeek-V3 publishes them; a weight is q * scale. The kernels quantise activations too,
each row by a scale for each 128 of it, and multiply fp8 by fp8: the reference does not, so results
agree to some percent. Read: fused_moe_kernel with group_n and group_k of vLLM 0.11.2 and 0.33.0
(fused_moe/fused_moe.py) and of SGLang 0.5.5 and 0.5.23, whose scales lie alike. sm_89 and later.
"""

from typing import Any, Final

import torch

from ..expert_loads import active_choices
from ..operation import InputFactory

FROM_SM_89: Final = ((8, 9), (99, 9))
"""The compute capabilities of GPUs that multiply fp8."""
SIDE: Final = 128
"""Weights along each side of a block."""


def fp8_inputs(
    take: InputFactory,
    tokens: int,
    hidden: int,
    ffn: int,
    experts: int,
    top_k: int,
    routing: str,
) -> tuple[Any, ...]:
    """Activations, the experts of each token, their shares; W13, W2, and the scales of both."""
    x = take((tokens, hidden))
    ids, active = active_choices(routing, tokens, experts, top_k)
    shares = take((tokens, top_k), torch.float32)
    shapes = ((2 * ffn, hidden), (hidden, ffn))
    w13, w2 = (take((active, n, k), torch.float8_e4m3fn) for n, k in shapes)
    scales13, scales2 = (take((active, n // SIDE, k // SIDE), torch.float32) for n, k in shapes)
    return x, torch.from_numpy(ids).to(x.device), shares, w13, w2, scales13, scales2


def dequantised(weights: torch.Tensor, scales: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Weights [experts, outputs, inputs] by the scales of their blocks."""
    by_weight = scales.repeat_interleave(SIDE, dim=1).repeat_interleave(SIDE, dim=2)
    return weights.to(dtype) * by_weight.to(dtype)
