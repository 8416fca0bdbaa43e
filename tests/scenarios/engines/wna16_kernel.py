"""What fused_moe_kernel_gptq_awq of vLLM and SGLang computes for one expert, in float."""

import torch


def product(
    rows: torch.Tensor,
    packed: torch.Tensor,
    scales: torch.Tensor,
    bits: int,
    block_shape: list[int] | None,
) -> torch.Tensor:
    """rows @ Wᵀ by the kernel's own addressing: of each output n and input k a byte and a scale."""
    assert packed.dtype == torch.uint8
    assert block_shape is not None
    assert block_shape[0] == 0
    k = torch.arange(rows.shape[1])
    if bits == 4:
        q = (packed[:, k // 2] >> (k % 2 * 4)) & 0xF
        middle = 8
    else:
        q, middle = packed[:, k], 128
    weight = (q.float() - middle) * scales[:, k // block_shape[1]]
    return rows @ weight.T
