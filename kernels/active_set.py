"""Choose the experts whose weights a decode batch reads, and route its tokens among them.

At small batches a layer's cost is reading its experts' weights, once per expert however many tokens
use it. So an expert that few tokens need may cost more than it is worth:

    value(token, expert) = max(0, score - score of rank k+1) / sum of the top-k scores

An expert is kept if its values over the batch add up to its price, or if it is some token's top-1.
Each token then takes the k best experts that were kept.

One program handles the whole batch, so that sums are added in the same order on every run.
"""

from __future__ import annotations

from typing import Any

import torch

from ..store.errors import BadInput
from .arguments import check_by_expert, check_picks, check_rows
from .backend import gpu_of, jit, runs_kernel, tl, triton
from .ranking import key_value, ordered_key, take_largest

MAX_TOKENS = 4096


def active_set(
    scores: torch.Tensor, prices: torch.Tensor, k: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Choose the experts that a batch reads, and route its tokens among them.

    The Triton kernel computes on a GPU, the torch reference elsewhere. `scores` are float32,
    bfloat16 or float16 [tokens, experts], 0 or more, such as a softmax. `prices` are float32
    [experts], in the unit of the value above.

    Returns the weights float32 [tokens, k], which are the scores of the picks; the experts int32
    [tokens, k], best first and the lower one first if equal; and which experts are kept, bool
    [experts]. If fewer than k are kept, a token's other picks are distinct experts that are not
    kept, with weight 0. A token with a NaN score adds no value and has weights 0.

    torch.compile and torch.export see one operator, moeprof::active_set. The gradient is that of
    the weights by the scores.

    Raises BadInput for another shape or dtype, more than 4096 tokens or 1024 experts, and a k
    outside 1..32 or above the number of experts.
    """
    _check(scores, prices, k)
    routed: tuple[torch.Tensor, torch.Tensor, torch.Tensor] = _operator(scores, prices, k)
    return routed


def active_set_reference(
    scores: torch.Tensor, prices: torch.Tensor, k: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Compute the same in torch, in float32 or, for float64 scores, float64."""
    precise = scores.to(torch.promote_types(scores.dtype, torch.float32))
    dead = precise.isnan().any(dim=1, keepdim=True)
    precise = precise.clamp(min=0).masked_fill(dead, 0)
    ranked, order = torch.sort(precise, dim=1, descending=True, stable=True)
    experts = scores.shape[1]
    next_best = ranked[:, k : k + 1] if k < experts else torch.zeros_like(ranked[:, :1])
    mass = ranked[:, :k].sum(dim=1, keepdim=True)
    share = (precise - next_best).clamp(min=0) / torch.where(mass > 0, mass, 1)
    kept = share.sum(dim=0) >= prices
    kept[order[~dead[:, 0], 0]] = True
    kept_first = torch.sort(kept[order].int(), dim=1, descending=True, stable=True).indices
    ids = order.gather(1, kept_first)[:, :k]
    return precise.gather(1, ids) * kept[ids], ids.to(torch.int32), kept


def _check(scores: torch.Tensor, prices: torch.Tensor, k: int) -> None:
    check_rows("scores", scores)
    tokens, experts = scores.shape
    if tokens > MAX_TOKENS:
        raise BadInput(
            f"there are {tokens} tokens, and must be at most {MAX_TOKENS}",
            hint="one program sees the whole batch: the rule is for decode",
        )
    check_picks(k, experts)
    check_by_expert("prices", prices, torch.float32, scores)


@torch.library.custom_op("moeprof::active_set", mutates_args=())
def _operator(
    scores: torch.Tensor, prices: torch.Tensor, k: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    implementation = _launch if runs_kernel(scores) else active_set_reference
    return implementation(scores, prices, k)


@_operator.register_fake
def _empty_results(
    scores: torch.Tensor, prices: torch.Tensor, k: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    tokens, experts = scores.shape
    weights = torch.empty((tokens, k), dtype=torch.float32, device=scores.device)
    ids = torch.empty((tokens, k), dtype=torch.int32, device=scores.device)
    return weights, ids, torch.empty(experts, dtype=torch.bool, device=scores.device)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, ...]) -> None:
    ctx.save_for_backward(inputs[0], *output[:2])


def _gradient(ctx: Any, gradient: torch.Tensor, *_: None) -> tuple[torch.Tensor | None, ...]:
    scores, weights, ids = ctx.saved_tensors
    gradient = gradient.masked_fill(weights == 0, 0).to(scores.dtype)
    return torch.zeros_like(scores).scatter(1, ids.long(), gradient), None, None


_operator.register_autograd(_gradient, setup_context=_keep)


def _launch(
    scores: torch.Tensor, prices: torch.Tensor, k: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    tokens, experts = scores.shape
    weights, ids, kept = _empty_results(scores, prices, k)
    with gpu_of(scores):
        active_set_kernel[(1,)](
            scores,
            prices,
            weights,
            ids,
            kept,
            tokens,
            experts,
            scores.stride(0),
            scores.stride(1),
            **active_set_constants(tokens, experts, k),
            enable_fp_fusion=True,  # Triton 3.10 changes the default
        )
    return weights, ids, kept


def active_set_constants(tokens: int, experts: int, k: int) -> dict[str, int]:
    """Return the kernel's compile-time arguments and number of warps; a warp holds whole rows."""
    columns = triton.next_power_of_2(experts)
    rows = min(triton.next_power_of_2(max(tokens, 1)), max(1, 8192 // columns))
    return {
        "K": k,
        "PICKS": triton.next_power_of_2(k),
        "ROWS": rows,
        "COLUMNS": columns,
        "num_warps": min(8, rows),
    }


@jit(do_not_specialize=["tokens"])  # type: ignore[untyped-decorator]
def active_set_kernel(  # type: ignore[no-untyped-def]
    scores_ptr,  # [tokens, experts]
    prices_ptr,  # float32 [experts]
    weights_ptr,  # float32 [tokens, K]
    ids_ptr,  # int32 [tokens, K]
    kept_ptr,  # bool [experts]
    tokens,
    experts,
    stride_row,
    stride_column,
    K: tl.constexpr,
    PICKS: tl.constexpr,  # K rounded up to a power of 2
    ROWS: tl.constexpr,  # tokens per step
    COLUMNS: tl.constexpr,  # experts rounded up to a power of 2
):
    """Sum the values of each expert, keep some experts, and route all tokens among them."""
    column = tl.arange(0, COLUMNS)
    worth = tl.zeros((COLUMNS,), dtype=tl.float32)
    first = tl.zeros((COLUMNS,), dtype=tl.int32)
    for start in range(0, tokens, ROWS):
        p, key, alive = _load(
            scores_ptr, start, tokens, experts, stride_row, stride_column, ROWS, COLUMNS
        )
        mass = tl.zeros((ROWS, 1), dtype=tl.float32)
        for j in tl.static_range(K):
            at, largest, key = take_largest(key, column, COLUMNS)
            mass += key_value(largest)
            if j == 0:
                chosen = (column[None, :] == at) & alive
                first = tl.maximum(first, tl.max(chosen.to(tl.int32), axis=0))
        rest = tl.max(key, axis=1)[:, None]
        next_best = tl.where(rest == 0, 0.0, key_value(rest))
        worth += tl.sum(tl.maximum(p - next_best, 0.0) / tl.where(mass > 0, mass, 1.0), axis=0)
    there = column < experts
    price = tl.load(prices_ptr + column, mask=there, other=0.0)
    kept = (worth >= price) | (first != 0)
    tl.store(kept_ptr + column, kept, mask=there)
    pick = tl.arange(0, PICKS)
    for start in range(0, tokens, ROWS):
        p, key, _ = _load(
            scores_ptr, start, tokens, experts, stride_row, stride_column, ROWS, COLUMNS
        )
        # Scores are 0 or more, so their keys have bit 31 set. Experts not kept lose the bit.
        left = tl.where(kept[None, :], key, tl.where(key == 0, 0, (key & 0x7FFFFFFF) + 1))
        left = left.to(tl.uint32)
        weights = tl.zeros((ROWS, PICKS), dtype=tl.float32)
        ids = tl.zeros((ROWS, PICKS), dtype=tl.int32)
        for j in tl.static_range(K):
            at, largest, left = take_largest(left, column, COLUMNS)
            score = tl.where(largest >> 31 != 0, key_value(largest), 0.0)
            weights = tl.where(pick[None, :] == j, score, weights)
            ids = tl.where(pick[None, :] == j, at, ids)
        row = start + tl.arange(0, ROWS)[:, None]
        wanted = (row < tokens) & (pick[None, :] < K)
        tl.store(weights_ptr + row * K + pick[None, :], weights, mask=wanted)
        tl.store(ids_ptr + row * K + pick[None, :], ids, mask=wanted)


@jit  # type: ignore[untyped-decorator]
def _load(  # type: ignore[no-untyped-def]
    scores_ptr,
    start,
    tokens,
    experts,
    stride_row,
    stride_column,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
):
    """Load ROWS tokens: scores [ROWS, COLUMNS], their keys, and which tokens are free of NaN.

    Keys are 0 in columns beyond the experts.
    """
    row = start + tl.arange(0, ROWS)[:, None]
    column = tl.arange(0, COLUMNS)[None, :]
    at = scores_ptr + row.to(tl.int64) * stride_row + column * stride_column
    p = tl.load(at, mask=(row < tokens) & (column < experts), other=0.0).to(tl.float32)
    alive = (tl.max((p != p).to(tl.int32), axis=1)[:, None] == 0) & (row < tokens)
    p = tl.where(alive & (p > 0), p, 0.0)
    return p, tl.where(column < experts, ordered_key(p), 0).to(tl.uint32), alive
