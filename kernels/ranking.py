"""Ranking by unsigned integer keys: exact for ties and NaN, one instruction per reduction.

A key is a uint32 in the order of a float. The k largest keys of a row are found in one of two ways:

    any keys     two reductions per pick: the largest key, then the lowest column that has it; the
                 key is then set to 0
    packed keys  one reduction per pick: keys contain their column, so all differ, and the next one
                 is the largest below the previous
"""

from __future__ import annotations

from .backend import jit, tl


@jit
def ordered_key(x):  # type: ignore[no-untyped-def]
    """float32 -> uint32 in the same order: NaN largest, -0 equal to +0. No key is 0."""
    bits = (x + 0.0).to(tl.int32, bitcast=True)  # -0 + 0 is +0
    key = (bits ^ ((bits >> 31) | -0x80000000)).to(tl.uint32, bitcast=True)
    return tl.where(x != x, 0xFFFFFFFF, key).to(tl.uint32)


@jit
def key_value(key):  # type: ignore[no-untyped-def]
    """Return the float32 of an `ordered_key`."""
    flip = tl.where((key >> 31) != 0, 0x80000000, 0xFFFFFFFF).to(tl.uint32)
    return (key ^ flip).to(tl.float32, bitcast=True)


@jit  # type: ignore[untyped-decorator]
def take_largest(key, column, COLUMNS: tl.constexpr):  # type: ignore[no-untyped-def]
    """Take the largest key of each row: its lowest column and the key [ROWS, 1], and the others."""
    largest = tl.max(key, axis=1)[:, None]
    at = tl.min(tl.where(key == largest, column[None, :], COLUMNS), axis=1)[:, None]
    return at, largest, tl.where(column[None, :] == at, 0, key).to(tl.uint32)


@jit
def packed_key(x, column):  # type: ignore[no-untyped-def]
    """Key of a 16-bit float, given as float32, and its column, which is below 8192. No key is 0.

    Float16 and bfloat16 leave the low 13 bits of a float32 empty. They store the column inverted,
    so that among equal floats the lower column has the larger key.
    """
    return (ordered_key(x) | 0x1FFF) ^ column.to(tl.uint32)


@jit
def packed_column(key):  # type: ignore[no-untyped-def]
    """The column of a packed key."""
    return ((key & 0x1FFF) ^ 0x1FFF).to(tl.int32)


@jit
def largest_below(key, last):  # type: ignore[no-untyped-def]
    """Largest key of each row below `last` [ROWS, 1]; the largest of all if `last` is 0.

    key - last wraps around for keys below `last`, which makes them larger than all other keys.
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
    """Columns int32 [ROWS, PICKS] of each row's K largest keys, largest first, lower column first.

    Each row has K nonzero keys or more.
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
    """Set the keys outside the best KEPT groups to 0.

    A group ranks by its largest key, or with BY_TWO by the sum of the values of its two largest.
    """
    rows = tl.reshape(key, (ROWS * GROUPS, SLOTS))
    _, best, rest = take_largest(rows, tl.arange(0, SLOTS), SLOTS)
    if BY_TWO:
        second = tl.max(rest, axis=1)[:, None]
        both = ordered_key(key_value(best) + key_value(second))
        best = tl.where(second == 0, best, both).to(tl.uint32)  # a group of one expert or none
    left = tl.reshape(best, (ROWS, GROUPS))
    group = tl.arange(0, GROUPS)
    kept = tl.zeros((ROWS, GROUPS), dtype=tl.int32)
    for _ in tl.static_range(KEPT):
        at, _, left = take_largest(left, group, GROUPS)
        kept = tl.where(group[None, :] == at, 1, kept)
    rows = tl.where(tl.reshape(kept, (ROWS * GROUPS, 1)) != 0, rows, 0).to(tl.uint32)
    return tl.reshape(rows, (ROWS, GROUPS * SLOTS))
