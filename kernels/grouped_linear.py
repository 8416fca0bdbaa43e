"""Linear layers of many experts in one launch: y = activation(x W_e^T + bias_e).

Rows of x are sorted by their expert e. A program computes its expert from the counts, which are
never copied to the host.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch

from ..store.errors import BadInput
from .activation import DERIVATIVES, finish, results_of
from .arguments import check_weights
from .backend import gpu_of, jit, runs_kernel, tl, triton
from .dequant_linear import constants, dequant_linear_reference, layer_of, options
from .packing import dequantise, layout_of, outputs_of
from .tiling.choice import INTERPRETER, choose_tile, gpu_at
from .tiling.fragment import aligned_rows, empty_result
from .tiling.product import product
from .tiling.tiles import Layer, Tile
from .weights import Weights


def grouped_linear(
    x: torch.Tensor,  # [tokens, K]
    counts: torch.Tensor,  # int32 [experts]
    weights: Weights,
    activation: str = "none",
) -> torch.Tensor:
    """Return y = activation(x W_e^T + bias_e), where e is the expert of a row.

    y is [tokens, N], or [tokens, N / 2] of a gated activation, as in dequant_linear.

    The Triton kernel computes on a GPU, the torch reference elsewhere. Rows of x are sorted by
    expert, and `counts` says how many rows each expert has. On a GPU it is not checked that they
    sum to tokens: if they do not, y is undefined, and nothing outside y is written.

    torch.compile and torch.export see one operator, moeprof::grouped_linear. The gradient is that
    of x. Raises BadInput as dequant_linear does, and for counts of a wrong shape, dtype or device.
    """
    number = weights.experts()
    if counts.shape != (number,) or counts.dtype != torch.int32 or counts.device != x.device:
        raise BadInput(
            f"counts must be int32 [{number}] on {x.device},"
            f" not {counts.dtype} {list(counts.shape)} on {counts.device}"
        )
    one = weights.of(0)
    check_weights(x, one.packed, one.scales, one.zeros, one.bias, activation, one.codes)
    y: torch.Tensor = _operator(x, counts, *weights.tensors, activation, weights.codes)
    return y


def grouped_linear_reference(
    x: torch.Tensor, counts: torch.Tensor, weights: Weights, activation: str = "none"
) -> torch.Tensor:
    """Compute the same in torch, expert by expert, in any floating dtype."""
    outputs = results_of(outputs_of(weights.packed, weights.scales, weights.codes), activation)
    parts = (
        dequant_linear_reference(rows, *own.tensors, activation, own.codes)
        for own, rows in _by_expert(x, counts, weights)
    )
    return torch.cat([x.new_empty((0, outputs)), *parts])


def _by_expert(
    x: torch.Tensor, counts: torch.Tensor, weights: Weights
) -> Iterator[tuple[Weights, torch.Tensor]]:
    """The weights and the rows of each expert that has rows."""
    sizes = counts.tolist()
    if min(sizes) < 0 or sum(sizes) != len(x):
        raise BadInput(
            f"counts must be 0 or more and sum to the {len(x)} rows of x: their least is"
            f" {min(sizes)} and their sum {sum(sizes)}"
        )
    for number, rows in enumerate(torch.split(x, sizes)):
        if len(rows):
            yield weights.of(number), rows


@torch.library.custom_op("moeprof::grouped_linear", mutates_args=())
def _operator(
    x: torch.Tensor,
    counts: torch.Tensor,
    packed: torch.Tensor,
    scales: torch.Tensor,
    zeros: torch.Tensor | None,
    bias: torch.Tensor | None,
    activation: str,
    codes: str,
) -> torch.Tensor:
    implementation = _launch if runs_kernel(x) else grouped_linear_reference
    return implementation(x, counts, Weights(packed, scales, zeros, bias, codes), activation)


@_operator.register_fake
def _shape_of(x: torch.Tensor, counts: torch.Tensor, packed: Any, scales: Any, *more: Any) -> Any:
    *_, activation, codes = more
    outputs = outputs_of(packed, scales, codes)
    return x.new_empty((x.shape[0], results_of(outputs, activation)))


# An operator too, because the group sizes are unknown while a graph is compiled.
@torch.library.custom_op("moeprof::grouped_linear_gradient", mutates_args=())
def _by_x(
    gradient: torch.Tensor,
    counts: torch.Tensor,
    packed: torch.Tensor,
    scales: torch.Tensor,
    zeros: torch.Tensor | None,
    codes: str,
    inputs: int,
) -> torch.Tensor:
    """Gradient by x, [tokens, inputs], from the gradient by the result, [tokens, outputs]."""
    weights, dtype = Weights(packed, scales, zeros, codes=codes), gradient.dtype
    parts = (
        rows @ dequantise(own.packed, own.scales, inputs, own.zeros, codes, dtype)
        for own, rows in _by_expert(gradient, counts, weights)
    )
    return torch.cat([gradient.new_empty((0, inputs)), *parts])


@_by_x.register_fake
def _shape_of_x(gradient: torch.Tensor, *more: Any) -> torch.Tensor:
    return gradient.new_empty((gradient.shape[0], more[-1]))


def _keep(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
    *tensors, ctx.activation, ctx.codes = inputs
    ctx.save_for_backward(*tensors)


def _gradient(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
    x, counts, packed, scales, zeros, bias = ctx.saved_tensors
    if ctx.activation != "none":
        sums = _operator(x, counts, packed, scales, zeros, bias, "none", ctx.codes)
        gradient = DERIVATIVES[ctx.activation](gradient, sums)
    by_x = _by_x(gradient, counts, packed, scales, zeros, ctx.codes, x.shape[1])
    return by_x, None, None, None, None, None, None, None


_operator.register_autograd(_gradient, setup_context=_keep)


def _launch(
    x: torch.Tensor, counts: torch.Tensor, weights: Weights, activation: str
) -> torch.Tensor:
    """Choose a tile for the mean number of rows per expert, and launch the kernel."""
    tokens, inputs = x.shape
    number, own = len(weights.packed), weights.of(0)
    layout = layout_of(own.packed, own.scales, inputs, own.zeros, own.codes)
    outputs, results = layout.outputs, results_of(layout.outputs, activation)
    if tokens == 0:
        return x.new_empty((0, results))
    x, y = aligned_rows(x), empty_result(x, results)
    layer = layer_of(layout, inputs, weights.zeros, weights.codes)
    gpu = gpu_at(x.get_device()) if x.is_cuda else INTERPRETER
    active = min(number, tokens)
    tile = choose_tile(gpu, layer, -(-tokens // active), x.element_size(), active)
    max_tiles = tokens // tile.rows + min(number, tokens)
    with gpu_of(x):
        grouped_linear_kernel[(max_tiles, triton.cdiv(outputs, tile.outputs))](
            x,
            counts.contiguous(),
            *weights.tensors,
            y,
            tokens,
            outputs,
            inputs // 8,
            x.stride(0) // 8,
            **grouped_constants(number, layer, tile, activation, x.dtype),
            **options(tile),
        )
    return y.to(x.dtype)


def grouped_constants(
    number: int, layer: Layer, tile: Tile, activation: str, dtype: torch.dtype
) -> dict[str, Any]:
    """Return the kernel's compile-time arguments. K is never split."""
    settings = constants(layer, replace(tile, splits=1), activation, dtype)
    del settings["SPLITS"]
    return settings | {"EXPERTS": number, "COLUMNS": triton.next_power_of_2(number)}


@jit(do_not_specialize=["M"])  # type: ignore[untyped-decorator]
def grouped_linear_kernel(  # type: ignore[no-untyped-def]
    x_ptr,  # [M, K], sorted by expert
    counts_ptr,  # int32 [EXPERTS]
    packed_ptr,  # int32 [EXPERTS, ceil(N / 16), ceil(K / 64), 32, BITS]
    scales_ptr,  # [EXPERTS, K / GROUP, N / SPAN]
    zeros_ptr,  # [EXPERTS, K / GROUP, N], or None
    bias_ptr,  # [EXPERTS, N], or None
    y_ptr,  # [M, N], or [M, N / 2] if GATED
    M,
    N,
    K_by_8,  # K / 8, so that the compiler knows rows of x to be aligned to 16 bytes
    x_stride_by_8,
    EXPERTS: tl.constexpr,
    COLUMNS: tl.constexpr,  # EXPERTS rounded up to a power of 2
    GROUP: tl.constexpr,
    BITS: tl.constexpr,
    CODES: tl.constexpr,
    SPAN: tl.constexpr,
    BM: tl.constexpr,
    BN: tl.constexpr,
    BK: tl.constexpr,
    EVEN_K: tl.constexpr,
    SCALES: tl.constexpr,
    IN_PLACE: tl.constexpr,
    ACTIVATION: tl.constexpr,
    GATED: tl.constexpr,
    DT: tl.constexpr,
    ASM: tl.constexpr,
):
    """Compute one tile of y, whose rows belong to one expert."""
    K, x_stride = K_by_8 * 8, x_stride_by_8 * 8
    tile = tl.program_id(0)
    column = tl.program_id(1) * BN
    each = tl.arange(0, COLUMNS)
    counts = tl.load(counts_ptr + each, mask=each < EXPERTS, other=0)
    counts = tl.minimum(tl.maximum(counts, 0), M)  # wrong counts reach no row beyond the last
    tiles = (counts + BM - 1) // BM
    before = tl.cumsum(tiles, axis=0) <= tile  # experts whose last tile comes before this one
    own = tl.sum(before.to(tl.int32), axis=0)
    if own < EXPERTS:  # the grid has more programs than there are tiles
        skipped = tl.sum(tl.where(before, tiles, 0), axis=0)
        begin = tl.sum(tl.where(before, counts, 0), axis=0)
        begin = tl.minimum(tl.maximum(begin, 0), M)
        limit = tl.minimum(begin + tl.sum(tl.where(each == own, counts, 0), axis=0), M)
        row = begin + (tile - skipped) * BM + tl.arange(0, BM)
        words = ((N + 15) // 16) * ((K + 63) // 64) * (32 * BITS)
        grouped = own.to(tl.int64) * (K // GROUP * (N // SPAN))
        sums = product(
            x_ptr,
            packed_ptr + own.to(tl.int64) * words,
            scales_ptr + grouped,
            None if zeros_ptr is None else zeros_ptr + grouped,
            row,
            limit,
            column,
            0,
            (K + BK - 1) // BK,
            x_stride,
            N,
            K,
            GROUP,
            BITS,
            CODES,
            SPAN,
            BM,
            BN,
            BK,
            EVEN_K,
            SCALES,
            IN_PLACE,
            DT,
            ASM,
        )
        bias = None if bias_ptr is None else bias_ptr + own * N
        finish(y_ptr, bias, row, limit, column, N, sums, BM, BN, ACTIVATION, GATED)
