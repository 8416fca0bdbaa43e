"""Whether a table's power can be trusted: neighbours of near-equal latency use near-equal power.

A meter that is polled more slowly than a kernel runs gives each row the power of some other moment.
It shows in pairs of neighbouring batch sizes that take the same time and differ in power by a
multiple (the public H200 tables: 44 % at the 90th percentile).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

NEAR_LATENCY: Final = 0.03
MAX_POWER: Final = 0.10
_SHARE: Final = 0.10  # of the pairs that may differ by more: a clock may change once
_MIN_PAIRS: Final = 5


@dataclass(frozen=True, slots=True)
class PowerVerdict:
    """`pairs` neighbours of near-equal latency, of which `apart` differ in power by over 10 %."""

    pairs: int
    apart: int
    p90: float | None

    @property
    def trusted(self) -> bool:
        """Whether there are enough pairs to tell, and nearly all of them agree."""
        return self.pairs >= _MIN_PAIRS and self.apart <= _SHARE * self.pairs

    @property
    def reason(self) -> str:
        """Say why the power is withheld."""
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
