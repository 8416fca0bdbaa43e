"""Linear layer on 4-bit weights that are turned into numbers on the way: y = x W^T.

A first kernel, correct and plain: one program per tile of y, weights unpacked in registers.
kernels/int4.py describes the packed layout.
"""

from __future__ import annotations

import torch

from ..store.errors import BadInput
from .backend import gpu_of, interprets, jit, runs_kernel, tl, triton
from .int4 import PER_WORD, dequant_unpack, group_size_of

_DTYPES = (torch.float32, torch.bfloat16, torch.float16)


def dequant_linear(x: torch.Tensor, packed: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """Compute y = x W^T: by the Triton kernel on a GPU, by the torch reference elsewhere.

    Shapes: x [tokens, K], packed int32 [N, K / 8], scales [K / group, N], y [tokens, N]. x, scales
    and y are of one dtype, float32, bfloat16 or float16; sums are kept in float32.
    Raises BadInput for a shape, dtype or device that does not fit.
    """
    group = _check(x, packed, scales)
    if runs_kernel(x):
        return _launch(x, packed, scales, group)
    return dequant_linear_reference(x, packed, scales)


def dequant_linear_reference(
    x: torch.Tensor, packed: torch.Tensor, scales: torch.Tensor
) -> torch.Tensor:
    """Compute the same in torch, in any floating dtype: unpack all weights, then multiply."""
    return torch.nn.functional.linear(x, dequant_unpack(packed, scales))


def _check(x: torch.Tensor, packed: torch.Tensor, scales: torch.Tensor) -> int:
    group = group_size_of(packed, scales)
    inputs = PER_WORD * packed.shape[1]
    if x.dim() != 2 or x.shape[1] != inputs:
        raise BadInput(f"x must be [tokens, {inputs}] for these weights, not {list(x.shape)}")
    if x.dtype not in _DTYPES or scales.dtype != x.dtype:
        raise BadInput(
            f"x is {x.dtype} and scales are {scales.dtype}: both must be of one dtype,"
            " float32, bfloat16 or float16",
            hint="convert them, as in scales.to(x.dtype)",
        )
    if x.device != packed.device:
        raise BadInput(
            f"x is on {x.device} and packed on {packed.device}", hint="move both to one device"
        )
    if not (packed.is_contiguous() and scales.is_contiguous()):
        raise BadInput("packed and scales must be contiguous", hint="call .contiguous() on them")
    return group


def _launch(
    x: torch.Tensor, packed: torch.Tensor, scales: torch.Tensor, group: int
) -> torch.Tensor:
    tokens, inputs = x.shape
    outputs = packed.shape[0]
    y = torch.empty((tokens, outputs), dtype=x.dtype, device=x.device)
    block_m = min(64, max(16, triton.next_power_of_2(tokens)))
    block_n = 64
    grid = (triton.cdiv(tokens, block_m), triton.cdiv(outputs, block_n))
    with gpu_of(x):
        _dequant_linear_kernel[grid](
            x,
            packed,
            scales,
            y,
            tokens,
            outputs,
            x.stride(0),
            x.stride(1),
            INPUTS=inputs,
            GROUP=group,
            BLOCK_M=block_m,
            BLOCK_N=block_n,
            BLOCK_K=64,
            # The interpreter multiplies bfloat16 wrongly, so there every product is in float32.
            IN_FLOAT32=x.dtype == torch.float32 or interprets(),
            num_stages=2,  # 3 of float32 do not fit the 99 KiB of shared memory that sm_86 has
            enable_fp_fusion=True,  # Triton 3.10 changes the default
        )
    return y


@jit  # type: ignore[untyped-decorator]
def _dequant_linear_kernel(  # type: ignore[no-untyped-def]
    x_ptr,  # [tokens, INPUTS]
    packed_ptr,  # int32 [outputs, INPUTS / 8]
    scales_ptr,  # [INPUTS / GROUP, outputs]
    y_ptr,  # [tokens, outputs]
    tokens,
    outputs,
    x_stride_m,
    x_stride_k,
    INPUTS: tl.constexpr,
    GROUP: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    IN_FLOAT32: tl.constexpr,
):
    m = (tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)).to(tl.int64)
    n = (tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)).to(tl.int64)
    y = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for start in range(0, INPUTS, BLOCK_K):
        k = start + tl.arange(0, BLOCK_K)
        x = tl.load(
            x_ptr + m[:, None] * x_stride_m + k[None, :] * x_stride_k,
            mask=(m[:, None] < tokens) & (k[None, :] < INPUTS),
            other=0.0,
        )
        inside = (k[:, None] < INPUTS) & (n[None, :] < outputs)
        words = tl.load(
            packed_ptr + n[None, :] * (INPUTS // 8) + (k // 8)[:, None], mask=inside, other=0
        )
        scale = tl.load(
            scales_ptr + (k // GROUP)[:, None] * outputs + n[None, :], mask=inside, other=0.0
        )
        centred = ((words >> ((k % 8) * 4)[:, None]) & 15) - 8
        weight = (centred.to(tl.float32) * scale.to(tl.float32)).to(scale.dtype)
        if IN_FLOAT32:
            y += tl.dot(x.to(tl.float32), weight.to(tl.float32), input_precision="ieee")
        else:
            y += tl.dot(x, weight)
    tl.store(
        y_ptr + m[:, None] * outputs + n[None, :],
        y.to(y_ptr.dtype.element_ty),
        mask=(m[:, None] < tokens) & (n[None, :] < outputs),
    )
