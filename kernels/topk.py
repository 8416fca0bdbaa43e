"""Top-k routing: which experts a token goes to, and with which weights.

The kernel takes the largest key of a row k times. Keys are unsigned integers in the order of the
logits (ranking.py), so ties and NaN have exact results, and each reduction is one instruction
(redux.sync). A pick needs two reductions, or one if logits have 16 bits and there is no bias. The
weights are computed from the k picked logits, which are loaded again.
"""

from __future__ import annotations

from typing import Any

import torch

from ..store.errors import BadInput
from .arguments import check_by_expert, check_picks, check_rows
from .backend import gpu_of, jit, runs_kernel, tl, triton
from .ranking import columns_of_largest, keys_of_best_groups, ordered_key, packed_key
from .routing import (
    PLAIN,
    Routing,
    best_experts,
    kernel_ranks,
    kernel_weights,
    softmax_terms,
    weights_of,
)


def topk(
    logits: torch.Tensor,  # [tokens, experts]
    k: int,
    routing: Routing = PLAIN,
    bias: torch.Tensor | None = None,  # float32 [experts]
    counts: torch.Tensor | None = None,  # int32 [experts]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Pick k experts for each token, best first and the lower one first if equal.

    The Triton kernel computes on a GPU, the torch reference elsewhere. Logits are float32, bfloat16
    or float16. Returns the weights, float32 [tokens, k], and the experts, int32 [tokens, k]. If
    given, `counts` is increased by the number of tokens of each expert.

    Experts rank by logit, or with a bias by score + bias ("picked": logit + bias); the bias does
    not enter the weights. A logit of -inf ranks last in any case. NaN ranks first and -0 equals +0,
    as in torch.topk. The experts of a token are always distinct and in range. If its weights would
    be NaN (a NaN or +inf is picked, or only -inf), they are all zero.

    torch.compile and torch.export see one operator, moeprof::topk, or with `counts`
    moeprof::topk_counting. The gradient is that of the weights by the logits; if it is needed,
    counting is a second launch.

    Raises BadInput for another shape, dtype, stride or device, for more than 1024 experts, and for
    a k outside 1..32 or above the number of experts in the kept groups.
    """
    _check(logits, k, routing, bias, counts)
    # dataclasses.astuple() copies each field, which torch.compile of torch 2.11 cannot trace.
    shape = (routing.groups, routing.kept_groups)
    settings = (bias, k, routing.scores, routing.renormalise, routing.scale, *shape)
    picked: tuple[torch.Tensor, torch.Tensor]
    if counts is None:
        picked = _operator(logits, *settings)
    elif not (logits.requires_grad and torch.is_grad_enabled()):
        picked = _counting(logits, *settings, counts)
    else:
        picked = _operator(logits, *settings)
        ids = picked[1].flatten()
        counts.index_add_(0, ids, torch.ones_like(ids))
    return picked


def topk_reference(
    logits: torch.Tensor,
    k: int,
    routing: Routing = PLAIN,
    bias: torch.Tensor | None = None,
    counts: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute the same in torch by stable sorts. Float64 logits give float64 weights."""
    ids = best_experts(logits, k, routing, bias)
    if counts is not None:
        counts += torch.bincount(ids.flatten(), minlength=len(counts))
    return weights_of(logits, ids, routing), ids.to(torch.int32)


def _check(
    logits: torch.Tensor,
    k: int,
    routing: Routing,
    bias: torch.Tensor | None,
    counts: torch.Tensor | None,
) -> None:
    check_rows("logits", logits)
    experts = logits.shape[1]
    if experts % routing.groups:
        raise BadInput(f"{experts} experts do not divide into {routing.groups} groups")
    check_picks(k, experts // routing.groups * routing.kept_groups)
    check_by_expert("bias", bias, torch.float32, logits)
    check_by_expert("counts", counts, torch.int32, logits)


def _picks(
    logits: torch.Tensor,
    bias: torch.Tensor | None,
    k: int,
    scores: Any,
    renormalise: bool,
    scale: float,
    groups: int,
    kept_groups: int,
    counts: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    routing = Routing(scores, renormalise, scale, groups, kept_groups)
    implementation = _launch if runs_kernel(logits) else topk_reference
    return implementation(logits, k, routing, bias, counts)


def _empty_picks(
    logits: torch.Tensor, bias: torch.Tensor | None, k: int, *_: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    shape = (logits.shape[0], k)
    weights = torch.empty(shape, dtype=torch.float32, device=logits.device)
    return weights, torch.empty(shape, dtype=torch.int32, device=logits.device)


_ARGUMENTS = (
    "Tensor logits, Tensor? bias, int k, str scores, bool renormalise, float scale, int groups,"
    " int kept_groups"
)
# Two operators, because one that writes to an argument cannot have a gradient.
_operator = torch.library.custom_op(
    "moeprof::topk", _picks, mutates_args=(), schema=f"({_ARGUMENTS}) -> (Tensor, Tensor)"
)
_counting = torch.library.custom_op(
    "moeprof::topk_counting",
    _picks,
    mutates_args=("counts",),
    schema=f"({_ARGUMENTS}, Tensor(a!) counts) -> (Tensor, Tensor)",
)
_operator.register_fake(_empty_picks)
_counting.register_fake(_empty_picks)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[torch.Tensor, torch.Tensor]) -> None:
    logits, _, _, *routing = inputs
    ctx.routing = Routing(*routing)
    ctx.save_for_backward(logits, *output)


def _gradient(ctx: Any, gradient: torch.Tensor, _: None) -> tuple[torch.Tensor | None, ...]:
    logits, weights, ids = ctx.saved_tensors
    dead = (weights == 0).all(dim=1, keepdim=True)  # such a row may hold NaN
    with torch.enable_grad():
        alive = logits.detach().masked_fill(dead, 0).requires_grad_()
        again = weights_of(alive, ids.long(), ctx.routing)
        (by_logits,) = torch.autograd.grad(again, alive, gradient.masked_fill(dead, 0))
    return by_logits, *[None] * 7


_operator.register_autograd(_gradient, setup_context=_keep)


def _launch(
    logits: torch.Tensor,
    k: int,
    routing: Routing,
    bias: torch.Tensor | None,
    counts: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    tokens, experts = logits.shape
    weights, ids = _empty_picks(logits, bias, k)
    if tokens == 0:
        return weights, ids
    settings = constants(tokens, experts, k, routing)
    launch = topk_kernel[(triton.cdiv(tokens, settings["ROWS"]),)]
    sizes = (tokens, *logits.stride(), routing.scale)
    with gpu_of(logits):  # enable_fp_fusion: Triton 3.10 changes its default
        launch(logits, bias, weights, ids, counts, *sizes, **settings, enable_fp_fusion=True)
    return weights, ids


def constants(tokens: int, experts: int, k: int, routing: Routing) -> dict[str, Any]:
    """Return the kernel's compile-time arguments and number of warps.

    Above 512 tokens a warp handles several rows, which overlap each other's latency.
    """
    groups = triton.next_power_of_2(routing.groups)
    columns = groups * triton.next_power_of_2(experts // routing.groups)
    return {
        "EXPERTS": experts,
        "GROUPS": routing.groups,
        "KEPT_GROUPS": routing.kept_groups,
        "SCORES": routing.scores,
        "RENORMALISE": routing.renormalise,
        "K": k,
        "PICKS": triton.next_power_of_2(k),
        "ROWS": min(max(1, 1024 // columns), 8, triton.next_power_of_2(-(-tokens // 512))),
        "COLUMNS": columns,
        "SLOTS": columns // groups,
        "num_warps": 1,
    }


@jit(do_not_specialize=["tokens"])  # type: ignore[untyped-decorator]
def topk_kernel(  # type: ignore[no-untyped-def]
    logits_ptr,  # [tokens, EXPERTS]
    bias_ptr,  # float32 [EXPERTS], or None
    weights_ptr,  # float32 [tokens, K]
    ids_ptr,  # int32 [tokens, K]
    counts_ptr,  # int32 [EXPERTS] to add to, or None
    tokens,
    stride_row,
    stride_column,
    scale,
    EXPERTS: tl.constexpr,
    GROUPS: tl.constexpr,
    KEPT_GROUPS: tl.constexpr,
    SCORES: tl.constexpr,
    RENORMALISE: tl.constexpr,
    K: tl.constexpr,
    PICKS: tl.constexpr,  # K rounded up to a power of 2
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,  # groups times SLOTS, each rounded up to a power of 2
    SLOTS: tl.constexpr,  # columns of a group
):
    """Route ROWS tokens."""
    row = (tl.program_id(0) * ROWS + tl.arange(0, ROWS)).to(tl.int64)
    column = tl.arange(0, COLUMNS)
    pick = tl.arange(0, PICKS)
    expert = column // SLOTS * (EXPERTS // GROUPS) + column % SLOTS
    there = (column // SLOTS < GROUPS) & (column % SLOTS < EXPERTS // GROUPS)
    row_at = logits_ptr + row[:, None] * stride_row
    inside = (row[:, None] < tokens) & there[None, :]
    x = tl.load(row_at + expert[None, :] * stride_column, mask=inside, other=float("-inf"))
    x = x.to(tl.float32)
    highest, total = 0.0, 1.0
    if SCORES == "softmax":
        highest, total = softmax_terms(x)
    if bias_ptr is not None:
        bias = tl.load(bias_ptr + expert, mask=there, other=0.0)[None, :]
        x = kernel_ranks(x, bias, highest, total, SCORES)
    PACKED: tl.constexpr = bias_ptr is None and logits_ptr.dtype.element_ty.primitive_bitwidth == 16
    key = packed_key(x, column[None, :]) if PACKED else ordered_key(x)
    key = tl.where(there[None, :], key, 0).to(tl.uint32)
    if GROUPS > 1:
        BY_TWO: tl.constexpr = bias_ptr is not None
        key = keys_of_best_groups(key, ROWS, COLUMNS // SLOTS, SLOTS, KEPT_GROUPS, BY_TWO)
    at = columns_of_largest(key, ROWS, COLUMNS, K, PICKS, PACKED)
    ids = at // SLOTS * (EXPERTS // GROUPS) + at % SLOTS
    kept = (row[:, None] < tokens) & (pick[None, :] < K)
    place = row[:, None] * K + pick[None, :]
    # Store ids before forming 64-bit pointers: the layout conversion then moves int32 ids once.
    tl.store(ids_ptr + place, ids, mask=kept)
    if counts_ptr is not None:  # integer sums do not depend on the order
        tl.atomic_add(counts_ptr + ids, 1, mask=kept, sem="relaxed")
    picked_at = row_at + ids.to(tl.int64) * stride_column
    picked = tl.load(picked_at, mask=kept, other=float("-inf")).to(tl.float32)
    weights = kernel_weights(picked, highest, total, scale, SCORES, RENORMALISE)
    tl.store(weights_ptr + place, weights, mask=kept)
