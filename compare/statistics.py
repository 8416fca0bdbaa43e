"""Statistics that assume no distribution."""

from collections.abc import Sequence
from math import comb, isfinite


def median_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float] | None:
    """Interval of the median of what `values` were drawn from, at confidence `level`.

    Two order statistics hold the median with a probability that the binomial distribution gives,
    for any continuous distribution. No pair of them has exactly `level`, so the two neighbouring
    levels are interpolated between (Hettmansperger and Sheather 1986; for skewed distributions
    Nyblom 1992). None where even the extremes reach less: below 6 values at 95 %.

    Raises ValueError for a value that is not finite and for a level outside [0.5, 1).
    """
    if not all(map(isfinite, values)):
        raise ValueError("a median needs finite values")
    if not 0.5 <= level < 1:
        raise ValueError(f"the level is {level}, and it must be at least 0.5 and below 1")
    n = len(values)
    depth = 0  # of the innermost pair whose level suffices, counted from the ends
    while _level(n, depth + 1) >= level:
        depth += 1
    if depth == 0:
        return None
    wide, narrow = _level(n, depth), _level(n, depth + 1)
    excess = (wide - level) / (wide - narrow)
    share = (n - depth) * excess / (depth + (n - 2 * depth) * excess)
    ascending = sorted(values)
    low, high = ascending[depth - 1], ascending[n - depth]
    if share == 0:
        return low, high
    inner_low, inner_high = ascending[depth], ascending[n - depth - 1]
    return low + share * (inner_low - low), high + share * (inner_high - high)


def _level(n: int, depth: int) -> float:
    """Probability that the median lies between the `depth`-th smallest and largest of n values."""
    outside = sum(comb(n, k) for k in range(depth))
    return 1.0 - outside / (1 << (n - 1))
