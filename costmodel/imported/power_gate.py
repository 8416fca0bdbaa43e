"""Whether to use the power of a table: neighbours of near-equal latency need near-equal power.

A sensor that is polled too slowly for the length of a run gives a row the power of another moment.
Neighbouring batch sizes then have the same latency and different powers: by 44 % at the 90th
percentile in the public H200 tables.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

NEAR_LATENCY: Final = 0.03
MAX_POWER: Final = 0.10
_MAX_SHARE: Final = 0.10  # pairs that may differ by more, for example where the clock changes
_MIN_PAIRS: Final = 5


@dataclass(frozen=True, slots=True)
class PowerVerdict:
    """Of `pairs` neighbours of near-equal latency, `apart` differ in power by more than 10 %.

    `p90` is the 90th percentile of the relative difference in power.
    """

    pairs: int
    apart: int
    p90: float | None

    @property
    def trusted(self) -> bool:
        """Whether there are five pairs or more, and nine of ten agree."""
        return self.pairs >= _MIN_PAIRS and self.apart <= _MAX_SHARE * self.pairs

    @property
    def reason(self) -> str:
        """Why the power is not used, as a sentence."""
        if self.pairs < _MIN_PAIRS:
            return f"its power cannot be checked: {self.pairs} neighbours of near-equal latency"
        return (
            f"its power is not trustworthy: of {self.pairs} neighbours whose latency differs by "
            f"at most {NEAR_LATENCY:.0%}, {self.apart} differ in power by more than "
            f"{MAX_POWER:.0%} (p90 {self.p90:.0%})"
        ).replace("%", " %")


def judge_power(
    curves: Sequence[Sequence[tuple[int, float, float]]],
) -> PowerVerdict:
    """Judge the curves of one table, each of (batch size, latency, power in W)."""
    apart = []
    for curve in curves:
        for (_, t0, p0), (_, t1, p1) in pairwise(sorted(curve)):
            if abs(t1 / t0 - 1) <= NEAR_LATENCY:
                apart.append(abs(p1 / p0 - 1))
    differences = np.array(apart)
    return PowerVerdict(
        pairs=len(apart),
        apart=int((differences > MAX_POWER).sum()),
        p90=float(np.quantile(differences, 0.9)) if apart else None,
    )
