"""Numbers ranked as unsigned integers: exact at ties and NaN, and one instruction a reduction."""

from __future__ import annotations

from .backend import jit, tl


@jit
def ordered_key(x):  # type: ignore[no-untyped-def]
    """float32 as uint32 of the same order: NaN largest, both zeros alike, no number gives 0."""
    bits = tl.where(x == 0, 0.0, x).to(tl.uint32, bitcast=True)
    flip = tl.where((bits >> 31) != 0, 0xFFFFFFFF, 0x80000000).to(tl.uint32)
    return tl.where(x != x, 0xFFFFFFFF, bits ^ flip).to(tl.uint32)


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
