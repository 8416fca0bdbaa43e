"""How likely a count is, of sizes that are each beyond a limit with the same probability."""

from typing import Final

LEVEL: Final = 0.025  # one-sided: a count that is as unlikely is not put down to chance


def at_most(count: int, of: int, probability: float) -> float:
    """Probability of `count` successes or fewer in `of` independent trials."""
    from scipy.special import bdtr  # here: a look-up in a cost model loads no scipy

    return 0.0 if count < 0 else float(bdtr(min(count, of), of, probability))


def beyond_chance(of: int, probability: float) -> int:
    """Smallest count in `of` trials that chance reaches with at most 2.5 %; `of` + 1 if none."""
    return next((k for k in range(of + 1) if 1 - at_most(k - 1, of, probability) <= LEVEL), of + 1)
