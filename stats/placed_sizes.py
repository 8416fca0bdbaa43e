"""Sizes spread evenly over the logarithm: to begin a curve with, or drawn at random to check it."""

import random
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from math import log
from typing import Final

from .size_bands import BANDS

_FEWEST_OTHERS: Final = 8  # points beside those of the smallest band
_LEAST_IN_BAND: Final = 2  # drawn sizes in each band, where it has them and the count allows


def decode_sizes(sizes: Sequence[int], points: int) -> tuple[int, ...]:
    """The sizes of the smallest band, where decode lives: a curve of enough points has them all.

    Neighbours there may run different kernels, as odd and even sizes do on a CPU, so that none of
    them tells the cost of another. None where `points` are too few to leave eight to the others.
    """
    decode = tuple(size for size in sizes if size in BANDS[0])
    return decode if len(decode) + _FEWEST_OTHERS <= points else ()


def log_spaced(sizes: Sequence[int], count: int) -> tuple[int, ...]:
    """Pick `count` of the ascending `sizes` at even steps of the logarithm, both ends included.

    Where sizes are sparse, the nearest one that is free is taken.
    """
    if len(sizes) <= count or count < 2:
        return tuple(sizes[:count]) if count < 2 else tuple(sizes)
    taken = {sizes[0], sizes[-1]}
    for step in range(1, count - 1):
        target = log(sizes[0]) + step / (count - 1) * log(sizes[-1] / sizes[0])
        free = (size for size in sizes if size not in taken)
        taken.add(min(free, key=lambda size: abs(log(size) - target)))
    return tuple(sorted(taken))


def drawn_over_log(sizes: Sequence[int], count: int, draw: random.Random) -> tuple[int, ...]:
    """Draw `count` of the ascending `sizes`, or all if they are fewer; ascending.

    Each band of stats/size_bands.py gets two, where it has them and the count allows, and the
    others go to the bands by their widths in the logarithm. Within a band the draw is systematic:
    at even steps of the logarithm from a random start (Cochran 1977, Sampling Techniques, ch. 8).
    """
    bands = [[size for size in sizes if size in band] for band in BANDS]
    drawn: list[int] = []
    for band, share in zip(bands, _shares(bands, min(count, len(sizes))), strict=True):
        drawn += _systematic(band, share, draw)
    return tuple(sorted(drawn))


def _shares(bands: Sequence[Sequence[int]], count: int) -> list[int]:
    """How many of `count` sizes each band gets."""
    shares = [0] * len(bands)
    widths = [sum(1 / size for size in band) for band in bands]
    for _ in range(count):
        open_ = [at for at, band in enumerate(bands) if shares[at] < len(band)]
        most_wanting = min(
            open_, key=lambda at: (min(shares[at], _LEAST_IN_BAND), shares[at] / widths[at])
        )
        shares[most_wanting] += 1
    return shares


def _systematic(sizes: Sequence[int], count: int, draw: random.Random) -> list[int]:
    """Draw `count` of the sizes of one band; a size weighs as much as its step in the logarithm."""
    weights = list(accumulate(1 / size for size in sizes))
    start, free = draw.random(), list(sizes)
    drawn = []
    for step in range(count):
        place = bisect_left(weights, (step + start) / count * weights[-1])
        nearest = min(free, key=lambda size: abs(log(size / sizes[min(place, len(sizes) - 1)])))
        free.remove(nearest)
        drawn.append(nearest)
    return drawn
