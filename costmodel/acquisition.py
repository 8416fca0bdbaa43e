"""What to measure next: jump bisection, which spends points where the staircase is."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import inf, log, sqrt

from ..store.errors import BadInput


def next_size(
    measured: Mapping[int, float], domain: Sequence[int], *, noise: float = 0.0
) -> int | None:
    """Choose the batch size to measure next, or None where nothing is left between measured ones.

    `measured` maps batch sizes to latencies, in any one unit. `domain` holds the sizes that may be
    measured, ascending; the caller leaves out what it holds out and what failed. Of the brackets
    between neighbouring measured sizes, the one with the largest |log ratio of its ends| times the
    square root of the number of sizes inside is bisected. A ratio within `noise`, relative, counts
    as flat: flat brackets come last, the widest first. Sizes below the first or above the last
    measured one are never chosen.

    Raises BadInput for a latency that is not positive and finite.
    """
    brackets = list(_brackets(measured, domain))
    if not brackets:
        return None
    jump_floor = log(1 + noise)

    def worth(bracket: tuple[float, Sequence[int]]) -> tuple[float, int, int]:
        jump, inside = bracket
        score = jump * sqrt(len(inside)) if jump > jump_floor else 0.0
        return score, len(inside), -inside[0]

    inside = max(brackets, key=worth)[1]
    return inside[(len(inside) - 1) // 2]


def _brackets(
    measured: Mapping[int, float], domain: Sequence[int]
) -> Iterator[tuple[float, Sequence[int]]]:
    """Give the |log-jump| and the inner sizes of each bracket that has any."""
    for size, latency in measured.items():
        if not 0 < latency < inf:
            raise BadInput(
                f"the latency at batch size {size} is {latency}, and it must be positive and finite"
            )
    for left, right in pairwise(sorted(measured)):
        inside = domain[bisect_right(domain, left) : bisect_left(domain, right)]
        if inside:
            yield abs(log(measured[right] / measured[left])), inside
