"""What fused_moe_kernel of vLLM and SGLang computes of fp8 blocks; activations stay as they are."""

import torch


def product(
    rows: torch.Tensor,
    weight: torch.Tensor,
    scales: torch.Tensor,
    block_shape: list[int] | None,
) -> torch.Tensor:
    """rows @ Wᵀ by the kernel's own addressing: of each output and input a weight and a scale."""
    assert weight.dtype == torch.float8_e4m3fn
    assert scales.dtype == torch.float32
    assert block_shape is not None
    n, k = torch.arange(weight.shape[0]), torch.arange(weight.shape[1])
    assert scales.shape == (len(n) // block_shape[0], len(k) // block_shape[1])
    by_weight = scales[(n // block_shape[0])[:, None], (k // block_shape[1])[None, :]]
    return rows @ (weight.float() * by_weight).T
