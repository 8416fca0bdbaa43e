"""The main loop of dequant_linear and grouped_linear: one tile of y = x W^T on packed weights.

The tile is computed transposed, as W x^T. The weights are then the operand that the tensor core
reads from registers, where they are unpacked. The batch is the other operand, which may have as few
as 8 columns.
"""

from __future__ import annotations

from ..backend import jit, tl
from .fragment import weights_of


@jit  # type: ignore[untyped-decorator]
def product(  # type: ignore[no-untyped-def]
    x_ptr,  # [M, K]
    packed_ptr,  # int32 [ceil(N / 16), ceil(K / 64), 32, BITS]
    scales_ptr,  # [K / GROUP, N / SPAN]
    zeros_ptr,  # [K / GROUP, N], or None
    rows,  # int32 [BM]: rows of x
    limit,  # rows at or above it are not read
    column,  # first output of the tile
    first,  # K is walked from step `first` up to `last`
    last,
    x_stride,
    N,
    K,
    GROUP: tl.constexpr,
    BITS: tl.constexpr,
    CODES: tl.constexpr,  # what the bits of a weight are (codes.py)
    SPAN: tl.constexpr,  # outputs that share a scale
    BM: tl.constexpr,
    BN: tl.constexpr,
    BK: tl.constexpr,
    EVEN_K: tl.constexpr,  # BK divides K
    SCALES: tl.constexpr,  # what a scale multiplies (tiles.Tile)
    IN_PLACE: tl.constexpr,  # products of scaled weights are added by the tensor core (tiles.Tile)
    DT: tl.constexpr,
    ASM: tl.constexpr,
):
    """Sum of W x^T over a range of K: float32 [BN, BM]."""
    WORDS: tl.constexpr = BK // 2 * BITS  # 32 * BITS per slab of 64 inputs
    n = tl.minimum(column + tl.arange(0, BN), N - 1)  # outputs beyond N are never stored
    blocks = tl.minimum(column // 16 + tl.arange(0, BN // 16), (N + 15) // 16 - 1)
    row_words = (K + 63) // 64 * (32 * BITS)
    word = tl.arange(0, WORDS)
    # Small tiles mask rows at `limit` and above. Large ones read the last row again without masks.
    inside = (rows < limit)[None, :] if BM < 128 else tl.full((1, BM), True, tl.int1)
    rows_at = x_ptr + tl.minimum(rows, limit - 1)[None, :] * x_stride
    packed_at = packed_ptr + blocks[:, None] * row_words
    sums = tl.zeros((BN, BM), dtype=tl.float32)
    tl.assume(first < last)  # a path around the loop makes ptxas wait for each wgmma
    for step in range(first, last):
        at = (step * WORDS + word)[None, :]
        if EVEN_K:
            words = tl.load(packed_at + at, eviction_policy="evict_first")
        else:
            words = tl.load(packed_at + at, mask=at < row_words, other=0)
        sums = _add(
            sums,
            words,
            rows_at,
            inside,
            step * BK,
            scales_ptr,
            zeros_ptr,
            n,
            N,
            K,
            GROUP,
            BITS,
            CODES,
            SPAN,
            BN,
            BK,
            EVEN_K,
            SCALES,
            IN_PLACE,
            DT,
            ASM,
        )
    return sums


@jit  # type: ignore[untyped-decorator]
def _add(  # type: ignore[no-untyped-def]
    sums,  # float32 [BN, BM]
    words,  # int32 [BN / 16, BK / 2 * BITS]
    rows_at,  # pointers to the rows of x [1, BM]
    inside,  # bool [1, BM]: which rows are read
    start,  # first of the BK inputs
    scales_ptr,
    zeros_ptr,
    n,  # outputs [BN]
    N,
    K,
    GROUP: tl.constexpr,
    BITS: tl.constexpr,
    CODES: tl.constexpr,
    SPAN: tl.constexpr,
    BN: tl.constexpr,
    BK: tl.constexpr,
    EVEN_K: tl.constexpr,
    SCALES: tl.constexpr,
    IN_PLACE: tl.constexpr,
    DT: tl.constexpr,
    ASM: tl.constexpr,
):
    """Add the product of the BK inputs from `start` on; `words` holds their weights."""
    # Inputs that certainly share a group: the largest power of 2 that divides it.
    SHARED: tl.constexpr = min(GROUP & -GROUP, BK) if SCALES == "each" else BK
    group = (
        (start + tl.arange(0, BK // SHARED) * SHARED) // GROUP if SHARED < BK else start // GROUP
    )
    if not EVEN_K:
        group = tl.minimum(group, K // GROUP - 1)
    # Loaded first: loaded later they spill on sm_100.
    if zeros_ptr is not None:
        zero = _for_weights(zeros_ptr, group, n, N, BN, BK, SHARED).to(tl.float32)
    if SCALES != "product":
        numbers = _for_weights(scales_ptr, group, n // SPAN, N // SPAN, BN, BK, SHARED)
        scale = _as_scale(numbers, CODES).to(DT)
    k = start + tl.arange(0, BK)
    if EVEN_K:
        x = tl.load(rows_at + k[:, None], mask=inside, other=0.0).to(DT)
    else:
        x = tl.load(rows_at + k[:, None], mask=inside & (k < K)[:, None], other=0.0).to(DT)
    w = weights_of(words, BN, BK, BITS, CODES, DT, ASM)
    if zeros_ptr is not None:
        w -= (zero - (1 << (BITS - 1))).to(DT)
    if SCALES == "product":
        numbers = tl.load(scales_ptr + (group * (N // SPAN) + n[:, None] // SPAN))
        scale = _as_scale(numbers, CODES).to(tl.float32)
        return sums + scale * tl.dot(w, x, input_precision="ieee")
    elif not IN_PLACE:  # a difference: Triton turns a sum into a product that adds in place
        return sums - tl.dot(w * -scale, x, input_precision="ieee")
    else:
        return tl.dot(w * scale, x, sums, input_precision="ieee")


@jit  # type: ignore[untyped-decorator]
def _as_scale(numbers, CODES: tl.constexpr):  # type: ignore[no-untyped-def]
    """Scales as they are, or of e2m1 the powers of 2 whose biased exponents they are."""
    if CODES == "e2m1":
        return (numbers.to(tl.int32) << 23).to(tl.float32, bitcast=True)
    else:
        return numbers


@jit  # type: ignore[untyped-decorator]
def _for_weights(  # type: ignore[no-untyped-def]
    numbers_ptr,  # [K / GROUP, N]
    group,  # index per span [BK / SHARED], or one index for the whole step
    n,
    N,
    BN: tl.constexpr,
    BK: tl.constexpr,
    SHARED: tl.constexpr,
):
    """Load a scale or zero point per weight [BN, BK], or [BN, 1] if the step has one group."""
    if SHARED < BK:
        numbers = tl.load(numbers_ptr + (group[None, :] * N + n[:, None]))
        spread = tl.broadcast_to(numbers[:, :, None], (BN, BK // SHARED, SHARED))
        return tl.reshape(spread, (BN, BK))
    else:  # a vector gets the layout of the weights: no value moves between threads
        return tl.load(numbers_ptr + (group * N + n))[:, None]
