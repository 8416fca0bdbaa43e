"""Top-k routing: the k largest logits of each token, and the softmax over them.

A first kernel, correct and plain: k times the largest key of a row, then its lowest column. A key
is the logit's bits as an integer of the same order, so that ties and NaN are settled exactly.
"""

from __future__ import annotations

import torch

from ..store.errors import BadInput
from .backend import gpu_of, jit, runs_kernel, tl, triton

_DTYPES = (torch.float32, torch.bfloat16, torch.float16)


def topk(logits: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Pick the k largest logits of each row, largest first; of equal ones the lower column.

    By the Triton kernel on a GPU, by the torch reference elsewhere. `logits` is [tokens, experts]
    of float32, bfloat16 or float16. Returns the softmax over the picked logits, float32
    [tokens, k], and their columns, int32 [tokens, k].

    NaN ranks above every number and -0 equals +0, as in torch.topk. The columns of a row are
    distinct and in range whatever it holds; a row that holds NaN, or whose pick is infinite, has
    NaN for weights.

    Raises BadInput for another shape or dtype, and for a k outside 1..experts.
    """
    if logits.dim() != 2 or logits.dtype not in _DTYPES:
        raise BadInput(
            "logits must be [tokens, experts] of float32, bfloat16 or float16,"
            f" not {logits.dtype} {list(logits.shape)}"
        )
    if not 1 <= k <= logits.shape[1]:
        raise BadInput(f"k is {k}, and must lie in 1..{logits.shape[1]}, the number of experts")
    return _launch(logits, k) if runs_kernel(logits) else topk_reference(logits, k)


def topk_reference(logits: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute the same in torch by a stable sort; float64 logits give float64 weights."""
    ranked, columns = torch.sort(logits, dim=1, descending=True, stable=True)
    precise = torch.promote_types(logits.dtype, torch.float32)
    return torch.softmax(ranked[:, :k].to(precise), dim=1), columns[:, :k].to(torch.int32)


def _launch(logits: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    tokens, experts = logits.shape
    weights = torch.empty((tokens, k), dtype=torch.float32, device=logits.device)
    ids = torch.empty((tokens, k), dtype=torch.int32, device=logits.device)
    columns = triton.next_power_of_2(experts)
    rows = max(1, 512 // columns)
    with gpu_of(logits):
        _topk_kernel[(triton.cdiv(tokens, rows),)](
            logits,
            weights,
            ids,
            tokens,
            experts,
            logits.stride(0),
            logits.stride(1),
            K=k,
            PICKS=triton.next_power_of_2(k),
            ROWS=rows,
            COLUMNS=columns,
            enable_fp_fusion=True,  # Triton 3.10 changes the default
        )
    return weights, ids


@jit
def _ordered_key(x):  # type: ignore[no-untyped-def]
    """float32 as uint32 of the same order: NaN largest, both zeros alike, no number gives 0."""
    bits = tl.where(x == 0, 0.0, x).to(tl.uint32, bitcast=True)
    flip = tl.where((bits >> 31) != 0, 0xFFFFFFFF, 0x80000000).to(tl.uint32)
    return tl.where(x != x, 0xFFFFFFFF, bits ^ flip).to(tl.uint32)


@jit  # type: ignore[untyped-decorator]
def _topk_kernel(  # type: ignore[no-untyped-def]
    logits_ptr,  # [tokens, experts]
    weights_ptr,  # float32 [tokens, K]
    ids_ptr,  # int32 [tokens, K]
    tokens,
    experts,
    stride_row,
    stride_column,
    K: tl.constexpr,
    PICKS: tl.constexpr,  # K rounded up to a power of 2
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,  # experts rounded up to a power of 2
):
    row = (tl.program_id(0) * ROWS + tl.arange(0, ROWS)).to(tl.int64)
    column = tl.arange(0, COLUMNS)
    pick = tl.arange(0, PICKS)
    inside = (row[:, None] < tokens) & (column[None, :] < experts)
    x = tl.load(
        logits_ptr + row[:, None] * stride_row + column[None, :] * stride_column,
        mask=inside,
        other=0.0,
    ).to(tl.float32)
    key = tl.where(column[None, :] < experts, _ordered_key(x), 0).to(tl.uint32)
    picked = tl.full((ROWS, PICKS), float("-inf"), dtype=tl.float32)
    ids = tl.zeros((ROWS, PICKS), dtype=tl.int32)
    for j in range(K):
        largest = tl.max(key, axis=1)[:, None]
        at = tl.min(tl.where(key == largest, column[None, :], COLUMNS), axis=1)[:, None]
        value = tl.sum(tl.where(column[None, :] == at, x, 0.0), axis=1)[:, None]
        picked = tl.where(pick[None, :] == j, value, picked)
        ids = tl.where(pick[None, :] == j, at, ids)
        key = tl.where(column[None, :] == at, 0, key).to(tl.uint32)
    # Written out, because tl.softmax before triton 3.9 takes the maxima along the wrong axis.
    raised = tl.exp(picked - tl.max(picked, axis=1)[:, None])
    weights = raised / tl.sum(raised, axis=1)[:, None]
    place = row[:, None] * K + pick[None, :]
    kept = (row[:, None] < tokens) & (pick[None, :] < K)
    tl.store(weights_ptr + place, weights, mask=kept)
    tl.store(ids_ptr + place, ids, mask=kept)
