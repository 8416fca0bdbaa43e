"""Linear layer on packed weights in one launch: y = activation(x W^T + bias).

packing.py describes the weights, tiling/product.py the main loop, tiling/choice.py the choice of a
tile. If K is split, the last program to finish adds the parts in their order, so that every run
gives the same bits.
"""

from __future__ import annotations

from typing import Any

import torch

from .activation import DERIVATIVES, GATED, REFERENCES, finish, results_of
from .arguments import check_weights
from .backend import gpu_of, jit, runs_kernel, tl, triton
from .packing import Layout, dequantise, layout_of, outputs_of
from .tiling.choice import INTERPRETER, choose_tile, gpu_at
from .tiling.codes import INTEGER
from .tiling.counters import counters
from .tiling.fragment import aligned_rows, compute_types, empty_result
from .tiling.product import product
from .tiling.tiles import Layer, Tile


def dequant_linear(
    x: torch.Tensor,  # [tokens, K]
    packed: torch.Tensor,  # int32 [ceil(N / 16), ceil(K / 64), 32, bits]
    scales: torch.Tensor,  # [K / group, N]
    zeros: torch.Tensor | None = None,  # [K / group, N]
    bias: torch.Tensor | None = None,  # [N]
    activation: str = "none",
    codes: str = INTEGER,
) -> torch.Tensor:
    """Return y = activation(x W^T + bias), [tokens, N], or [tokens, N / 2] of a gated activation.

    The Triton kernel computes on a GPU, the torch reference elsewhere. All tensors but `packed`
    have one dtype, bfloat16, float16 or float32; sums are float32. `packed` holds 4 or 8 bits per
    weight, K is a multiple of the group, and N is any. `activation` is none, gelu_tanh, gelu_erf,
    silu or relu; silu_mul and gelu_mul multiply the activation of output 2 i by output 2 i + 1, and
    clipped_mul does it as gpt-oss (activation.py). `codes` says what the bits of a weight are; the
    scales of those of tiling/codes.py have a shape and a dtype of their own (packing.py).

    torch.compile and torch.export see one operator, moeprof::dequant_linear. The gradient is that
    of x. Raises BadInput for a shape, dtype, stride, device or activation that does not fit, and
    for a batch whose offsets do not fit 31 bits.
    """
    check_weights(x, packed, scales, zeros, bias, activation, codes)
    y: torch.Tensor = _operator(x, packed, scales, zeros, bias, activation, codes)
    return y


def dequant_linear_reference(
    x: torch.Tensor,
    packed: torch.Tensor,
    scales: torch.Tensor,
    zeros: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    activation: str = "none",
    codes: str = INTEGER,
) -> torch.Tensor:
    """Compute the same in torch, in any floating dtype: unpack the weights, then multiply."""
    weight = dequantise(packed, scales, x.shape[1], zeros, codes, x.dtype)
    return REFERENCES[activation](torch.nn.functional.linear(x, weight, bias))


@torch.library.custom_op("moeprof::dequant_linear", mutates_args=())
def _operator(
    x: torch.Tensor,
    packed: torch.Tensor,
    scales: torch.Tensor,
    zeros: torch.Tensor | None,
    bias: torch.Tensor | None,
    activation: str,
    codes: str,
) -> torch.Tensor:
    if x.shape[0] == 0:
        return _empty(x, packed, scales, activation, codes)
    implementation = _launch if runs_kernel(x) else dequant_linear_reference
    return implementation(x, packed, scales, zeros, bias, activation, codes)


@_operator.register_fake
def _shape_of(
    x: torch.Tensor,
    packed: torch.Tensor,
    scales: torch.Tensor,
    zeros: torch.Tensor | None,
    bias: torch.Tensor | None,
    activation: str,
    codes: str,
) -> torch.Tensor:
    return _empty(x, packed, scales, activation, codes)


def _empty(
    x: torch.Tensor, packed: torch.Tensor, scales: torch.Tensor, activation: str, codes: str
) -> torch.Tensor:
    return x.new_empty((x.shape[0], results_of(outputs_of(packed, scales, codes), activation)))


def _keep(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
    *tensors, ctx.activation, ctx.codes = inputs
    ctx.save_for_backward(*tensors)


def _gradient(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
    x, packed, scales, zeros, bias = ctx.saved_tensors
    if ctx.activation != "none":
        sums = _operator(x, packed, scales, zeros, bias, "none", ctx.codes)
        gradient = DERIVATIVES[ctx.activation](gradient, sums)
    weight = dequantise(packed, scales, x.shape[1], zeros, ctx.codes, x.dtype)
    return gradient @ weight, None, None, None, None, None, None


_operator.register_autograd(_gradient, setup_context=_keep)


def _launch(
    x: torch.Tensor,
    packed: torch.Tensor,
    scales: torch.Tensor,
    zeros: torch.Tensor | None,
    bias: torch.Tensor | None,
    activation: str,
    codes: str,
) -> torch.Tensor:
    """Choose a tile, allocate the result and, for a split K, the parts; launch the kernel."""
    tokens, inputs = x.shape
    layer = layer_of(layout_of(packed, scales, inputs, zeros, codes), inputs, zeros, codes)
    outputs = layer.outputs
    gpu = gpu_at(x.get_device()) if x.is_cuda else INTERPRETER
    tile = choose_tile(gpu, layer, tokens, x.element_size())
    grid = (triton.cdiv(tokens, tile.rows), triton.cdiv(outputs, tile.outputs), tile.splits)
    x, y = aligned_rows(x), empty_result(x, results_of(outputs, activation))
    with gpu_of(x):
        parts = arrived = None
        if tile.splits > 1:
            shape = (tile.splits, tokens, grid[1] * tile.outputs)
            parts = torch.empty(shape, dtype=torch.float32, device=x.device)
            arrived = counters(x, grid[0] * grid[1])
        dequant_linear_kernel[grid](
            x,
            packed,
            scales,
            zeros,
            bias,
            y,
            parts,
            arrived,
            tokens,
            outputs,
            inputs // 8,
            x.stride(0) // 8,
            **constants(layer, tile, activation, x.dtype),
            **options(tile),
        )
    return y.to(x.dtype)


def layer_of(layout: Layout, inputs: int, zeros: torch.Tensor | None, codes: str) -> Layer:
    """Describe a layer to the choice of a tile."""
    has_zeros = zeros is not None
    return Layer(layout.outputs, inputs, layout.bits, layout.group, has_zeros, codes, layout.span)


def constants(layer: Layer, tile: Tile, activation: str, dtype: torch.dtype) -> dict[str, Any]:
    """Return the kernel's compile-time arguments."""
    compute, ptx = compute_types(dtype, layer.bits, layer.codes)
    return {
        "GROUP": layer.group,
        "BITS": layer.bits,
        "CODES": layer.codes,
        "SPAN": layer.span,
        "BM": tile.rows,
        "BN": tile.outputs,
        "BK": tile.inputs,
        "SPLITS": tile.splits,
        "EVEN_K": layer.inputs % tile.inputs == 0,
        "SCALES": tile.scales,
        "IN_PLACE": tile.in_place,
        "ACTIVATION": activation,
        "GATED": activation in GATED,
        "DT": compute,
        "ASM": ptx,
    }


def options(tile: Tile) -> dict[str, int | bool]:
    """Return the compiler's options."""
    chosen = {
        "num_warps": tile.warps,
        "num_stages": tile.stages,
        "enable_fp_fusion": True,  # Triton 3.10 changes the default
    }
    # Without maxnreg ptxas for sm_100 spills registers to fit more programs than shared memory
    # allows. Tiles of 256 rows compile without spills only if it is left free.
    return chosen if tile.rows == 256 else chosen | {"maxnreg": 255}


@jit(do_not_specialize=["M"])  # type: ignore[untyped-decorator]
def dequant_linear_kernel(  # type: ignore[no-untyped-def]
    x_ptr,  # [M, K]
    packed_ptr,  # int32 [ceil(N / 16), ceil(K / 64), 32, BITS]
    scales_ptr,  # [K / GROUP, N / SPAN]
    zeros_ptr,  # [K / GROUP, N], or None
    bias_ptr,  # [N], or None
    y_ptr,  # [M, N], or [M, N / 2] if GATED
    parts_ptr,  # float32 [SPLITS, M, N rounded up to whole tiles], or None
    arrived_ptr,  # int32 [tiles], zeros before and after, or None
    M,
    N,
    K_by_8,  # K / 8, so that the compiler knows rows of x to be aligned to 16 bytes
    x_stride_by_8,
    GROUP: tl.constexpr,
    BITS: tl.constexpr,
    CODES: tl.constexpr,
    SPAN: tl.constexpr,
    BM: tl.constexpr,
    BN: tl.constexpr,
    BK: tl.constexpr,
    SPLITS: tl.constexpr,
    EVEN_K: tl.constexpr,
    SCALES: tl.constexpr,
    IN_PLACE: tl.constexpr,
    ACTIVATION: tl.constexpr,
    GATED: tl.constexpr,
    DT: tl.constexpr,
    ASM: tl.constexpr,
):
    """Compute one tile of y, or a part of its sums; the last part to finish stores the tile."""
    K, x_stride = K_by_8 * 8, x_stride_by_8 * 8
    row = tl.program_id(0) * BM + tl.arange(0, BM)
    column = tl.program_id(1) * BN
    part = tl.program_id(2)
    steps = (K + BK - 1) // BK
    sums = product(
        x_ptr,
        packed_ptr,
        scales_ptr,
        zeros_ptr,
        row,
        M,
        column,
        steps * part // SPLITS,
        steps * (part + 1) // SPLITS,
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
    last = True
    if SPLITS > 1:
        # Parts are stored as whole tiles: masks for an N that 16 does not divide would spill.
        n = (column + tl.arange(0, BN))[:, None]
        width = tl.num_programs(1) * BN
        part_at = parts_ptr + row[None, :] * width + n
        there = row[None, :] < M
        tl.store(part_at + part * M * width, sums, mask=there)
        tl.debug_barrier()  # every thread has stored before one thread counts
        counter = arrived_ptr + tl.program_id(0) * tl.num_programs(1) + tl.program_id(1)
        last = tl.atomic_add(counter, 1, sem="acq_rel") == SPLITS - 1
        if last:
            tl.store(counter, 0)
            sums = tl.zeros((BN, BM), dtype=tl.float32)
            for j in range(SPLITS):
                at_j = part_at + j * M * width
                sums += tl.load(at_j, mask=there, other=0.0, cache_modifier=".cg")
    if last:
        finish(y_ptr, bias_ptr, row, M, column, N, sums, BM, BN, ACTIVATION, GATED)
