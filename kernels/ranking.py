"""Numbers ranked as unsigned integers: exact at ties and NaN, and one instruction a reduction.

The largest is taken in one of two ways. Of any keys: the largest, then the lowest column that has
it, and it is removed. Of packed keys, which hold their column and so all differ: the largest below
the last one, in one reduction, and none is removed.
"""

from __future__ import annotations

from .backend import jit, tl


@jit
def ordered_key(x):  # type: ignore[no-untyped-def]
    """float32 as uint32 of the same order: NaN largest, both zeros alike, no number gives 0."""
    bits = (x + 0.0).to(tl.int32, bitcast=True)  # -0 + 0 is +0
    key = (bits ^ ((bits >> 31) | -0x80000000)).to(tl.uint32, bitcast=True)
    return tl.where(x != x, 0xFFFFFFFF, key).to(tl.uint32)


@jit
def key_value(key):  # type: ignore[no-untyped-def]
    """Undo `ordered_key`."""
    flip = tl.where((key >> 31) != 0, 0x80000000, 0xFFFFFFFF).to(tl.uint32)
    return (key ^ flip).to(tl.float32, bitcast=True)


@jit  # type: ignore[untyped-decorator]
def take_largest(key, column, COLUMNS: tl.constexpr):  # type: ignore[no-untyped-def]
    """Lowest column of each row's largest key [ROWS, 1], that key, and the keys without it."""
    largest = tl.max(key, axis=1)[:, None]
    at = tl.min(tl.where(key == largest, column[None, :], COLUMNS), axis=1)[:, None]
    return at, largest, tl.where(column[None, :] == at, 0, key).to(tl.uint32)


@jit
def packed_key(x, column):  # type: ignore[no-untyped-def]
    """Key of a 16-bit number, given as float32, with its column below 8192; of no number 0.

    The low 13 bits of the float32 hold nothing, of float16 as of bfloat16. They take the column
    inverted, so that of equal numbers the lower column has the larger key.
    """
    return (ordered_key(x) | 0x1FFF) ^ column.to(tl.uint32)


@jit
def packed_column(key):  # type: ignore[no-untyped-def]
    """Column that a packed key holds."""
    return ((key & 0x1FFF) ^ 0x1FFF).to(tl.int32)


@jit
def largest_below(key, last):  # type: ignore[no-untyped-def]
    """Largest key of each row below `last` [ROWS, 1], where one is; below 0, the largest of all.

    Less `last`, a key below it wraps around to above every key that is not below.
    """
    wrapped = tl.sub(key, last, sanitize_overflow=False)
    return tl.add(tl.max(wrapped, axis=1)[:, None], last, sanitize_overflow=False)


@jit  # type: ignore[untyped-decorator]
def columns_of_largest(  # type: ignore[no-untyped-def]
    key,  # uint32 [ROWS, COLUMNS]
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    K: tl.constexpr,
    PICKS: tl.constexpr,  # K rounded up to a power of 2
    PACKED: tl.constexpr,
):
    """Columns [ROWS, PICKS] of each row's K largest keys, in their order; of equal ones the lower.

    At least K keys of a row are not 0.
    """
    column = tl.arange(0, COLUMNS)
    pick = tl.arange(0, PICKS)
    columns = tl.zeros((ROWS, PICKS), dtype=tl.int32)
    last = tl.zeros((ROWS, 1), dtype=tl.uint32)
    for j in tl.static_range(K):
        if PACKED:
            last = largest_below(key, last)
            at = packed_column(last)
        else:
            at, _, key = take_largest(key, column, COLUMNS)
        columns = tl.where(pick[None, :] == j, at, columns)
    return columns


@jit  # type: ignore[untyped-decorator]
def keys_of_best_groups(  # type: ignore[no-untyped-def]
    key,  # uint32 [ROWS, GROUPS * SLOTS]
    ROWS: tl.constexpr,
    GROUPS: tl.constexpr,  # a power of 2
    SLOTS: tl.constexpr,
    KEPT: tl.constexpr,
    BY_TWO: tl.constexpr,
):
    """Set the keys of all but the best KEPT groups to 0."""
    rows = tl.reshape(key, (ROWS * GROUPS, SLOTS))
    _, best, rest = take_largest(rows, tl.arange(0, SLOTS), SLOTS)
    if BY_TWO:
        second = tl.max(rest, axis=1)[:, None]
        both = ordered_key(key_value(best) + key_value(second))
        best = tl.where(second == 0, best, both).to(tl.uint32)  # a group of one, or of none
    left = tl.reshape(best, (ROWS, GROUPS))
    group = tl.arange(0, GROUPS)
    kept = tl.zeros((ROWS, GROUPS), dtype=tl.int32)
    for _ in tl.static_range(KEPT):
        at, _, left = take_largest(left, group, GROUPS)
        kept = tl.where(group[None, :] == at, 1, kept)
    rows = tl.where(tl.reshape(kept, (ROWS * GROUPS, 1)) != 0, rows, 0).to(tl.uint32)
    return tl.reshape(rows, (ROWS, GROUPS * SLOTS))
