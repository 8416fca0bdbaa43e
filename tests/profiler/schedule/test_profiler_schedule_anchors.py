"""Anchors: the ends, the edges of the kernels, then the widest gaps; and the order of a block."""

from itertools import pairwise
from math import log

from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.profiler.schedule.anchors import block_repeats, choose_anchors

ALL = range(1, 513)

some_sizes = st.lists(st.integers(1, 5000), min_size=1, max_size=60, unique=True)


def test_where_there_are_few_sizes_each_is_an_anchor() -> None:
    assert choose_anchors([8, 1, 3], {}, 24) == (1, 3, 8)


def test_of_one_kernel_they_are_even_by_logarithm() -> None:
    anchors = choose_anchors(ALL, {}, 10)
    assert (anchors[0], anchors[-1], len(anchors)) == (1, 512, 10)
    gaps = [log(right / left) for left, right in pairwise(anchors)]
    assert max(gaps) < 2.2 * min(gaps)


def test_both_sides_of_a_change_of_kernels_come_before_the_gaps() -> None:
    signatures = {size: "small" if size <= 40 else "large" for size in ALL}
    assert choose_anchors(ALL, signatures, 4) == (1, 40, 41, 512)
    assert {40, 41} < set(choose_anchors(ALL, signatures, 8))


def test_with_too_many_kernels_the_widest_segments_have_their_edges() -> None:
    signatures = {size: "one" if size <= 8 else f"from {size // 64 * 64}" for size in ALL}
    anchors = choose_anchors(ALL, signatures, 4)
    assert {1, 8, 512} < set(anchors)


@settings(max_examples=60)
@given(sizes=some_sizes, count=st.integers(2, 30), kernels=st.integers(1, 70))
def test_anchors_are_measured_sizes_with_both_ends(
    sizes: list[int], count: int, kernels: int
) -> None:
    signatures = {size: str(size % kernels) for size in sizes}
    anchors = choose_anchors(sizes, signatures, count)
    assert set(anchors) <= set(sizes)
    assert len(anchors) == min(count, len(sizes))
    assert list(anchors) == sorted(anchors)
    assert {min(sizes), max(sizes)} <= set(anchors)
    assert anchors == choose_anchors(sizes[::-1], signatures, count)


@given(st.sets(st.integers(1, 512), max_size=30), st.integers(0, 3), st.text(max_size=3))
def test_a_block_has_each_anchor_once_far_from_its_load_in_the_block_before(
    anchors: set[int], block: int, seed: str
) -> None:
    orders = [block_repeats(sorted(anchors), number, seed) for number in (block, block + 1)]
    for number, repeats in enumerate(orders, block):
        assert {repeat.number for repeat in repeats} <= {number}
        assert sorted(repeat.tokens for repeat in repeats) == sorted(anchors)
    one_after_another = [repeat.tokens for repeats in orders for repeat in repeats]
    for size in anchors:
        first = one_after_another.index(size)
        apart = one_after_another.index(size, first + 1) - first
        assert apart > 0.75 * len(anchors) - 3


def test_each_block_has_an_order_of_its_own_and_a_seed_decides_it() -> None:
    anchors = tuple(range(1, 25))
    orders = [
        [repeat.tokens for repeat in block_repeats(anchors, block, seed)]
        for block, seed in [(0, "1"), (1, "1"), (0, "2"), (0, "1")]
    ]
    assert orders[0] == orders[3]
    assert len({tuple(order) for order in orders}) == 3
