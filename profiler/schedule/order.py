"""The order of visits: drawn by seed, and neighbours never in one breath.

A breath is five visits in a row. Neighbouring sizes that are measured in one breath share what the
machine did in it, and no step between them would show it.
"""

import random
from collections.abc import Collection, Iterable


def drawn(sizes: Iterable[int], seed: str) -> list[int]:
    """Bring sizes into an order that `seed` draws; a size keeps its place among any others."""
    return sorted(sizes, key=lambda size: (random.Random(f"{seed} {size}").random(), size))


def next_apart(waiting: Collection[int], breath: Collection[int], known: Iterable[int]) -> int:
    """Take the first of the `waiting` sizes that is no neighbour of one of the breath.

    Neighbours are next to each other among the `known` sizes. Where every one is a neighbour, the
    first is taken.
    """
    place = {size: at for at, size in enumerate(sorted({*known, *waiting}))}
    taken = [place[size] for size in breath if size in place]
    return next(
        (size for size in waiting if all(abs(place[size] - at) > 1 for at in taken)),
        next(iter(waiting)),
    )
