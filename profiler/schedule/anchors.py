"""Which sizes of an operation the power pass holds under a steady load, and in which order.

Power changes slowly over batch size as long as the same kernels run, and may jump where they
change. So anchors lie at the ends of the domain, then at both ends of each segment of sizes that
run the same kernels, then in the middle of the widest gap in the logarithm of the batch size.
"""

import random
from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise
from math import log, sqrt
from typing import Final

from .repeat import Repeat

_QUARTERS: Final = 4


def choose_anchors(
    sizes: Sequence[int], signatures: Mapping[int, str], count: int
) -> tuple[int, ...]:
    """Choose up to `count` of the measured `sizes`, at least 2; ascending.

    `signatures` names the kernels of a size where a trace has them; sizes without one count as
    running the same kernels.
    """
    ascending = sorted(set(sizes))
    if len(ascending) <= count:
        return tuple(ascending)
    chosen = {ascending[0], ascending[-1]}
    for edge in _edges(ascending, signatures):
        if len(chosen) < count:
            chosen.add(edge)
    while len(chosen) < count:
        chosen.add(_widest_gap(ascending, sorted(chosen)))
    return tuple(sorted(chosen))


def _edges(ascending: Sequence[int], signatures: Mapping[int, str]) -> list[int]:
    """First and last size of each segment with one signature, the widest segment first."""
    segments = [list(group) for _, group in groupby(ascending, key=signatures.get)]
    segments.sort(key=lambda segment: log(segment[0] / segment[-1]))
    return [edge for segment in segments for edge in (segment[0], segment[-1])]


def _widest_gap(ascending: Sequence[int], chosen: Sequence[int]) -> int:
    """Measured size nearest to the middle, by logarithm, of the widest gap that holds any."""
    _, left, right = max(
        (right / left, left, right)
        for left, right in pairwise(chosen)
        if any(left < size < right for size in ascending)
    )
    middle = sqrt(left * right)
    inside = [size for size in ascending if left < size < right]
    return min(inside, key=lambda size: abs(log(size / middle)))


def block_repeats(anchors: Sequence[int], block: int, seed: str) -> list[Repeat]:
    """Loads of one block: each anchor once, in an order drawn by `seed`.

    Every block takes the same quarters of the anchors in turn, each in an order of its own: blocks
    that follow one another at once still load an anchor three quarters of a block apart.
    """
    drawn = random.Random(f"{seed} power").sample(anchors, len(anchors))
    order = random.Random(f"{seed} power {block}")
    length = -(-len(drawn) // _QUARTERS) or 1
    parts = [drawn[first : first + length] for first in range(0, len(drawn), length)]
    return [Repeat(size, block) for part in parts for size in order.sample(part, len(part))]
