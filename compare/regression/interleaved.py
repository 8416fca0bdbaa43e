"""Readings of two sides taken in turns (A B B A): drift falls on both alike.

A level, a slow drift of unknown size and noise are fitted together (stats/drift.py). The same
readings taken one side after the other would let a drift of 1.5 % look like a change in 23 % of
comparisons, a warm-up of 3 % in 45 % (benchmarks/README.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...stats.arrays import Float64, Int64
from ...stats.change_point import Readings as Placed
from ...stats.sequential import difference
from ...store.verdicts.comparison import Change, Compared
from ..bisection.spikes import is_spike
from .judged import NotJudged, Rules, judge_all


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """Readings [n] of one quantity of one operation at one size, in the order of time.

    `is_new` [n] is 0 for a reading of OLD and 1 for one of NEW. `sessions` [n] are the numbers of
    the times without a break. All values are positive.
    """

    metric: str
    unit: str
    op: str
    curve: str
    tokens: int | None
    is_new: Float64
    values: Float64
    sessions: Int64


def judge_readings(all_readings: Sequence[Readings], rules: Rules, looks: int) -> list[Compared]:
    """Judge the comparisons of one command at one of so many planned looks at its readings.

    Each look has an equal part of alpha, so that all of them together keep it.
    """
    of_look = Rules(rules.min_effect, rules.alpha / looks)
    return judge_all([_not_judged(one) for one in all_readings], of_look, families=1)


def spikes(readings: Readings) -> NDArray[np.bool_]:
    """Whether each reading is so far from all others of its side that it does not count, [n]."""
    sides = readings.is_new.astype(np.int64)
    return is_spike(Placed(sides, np.log(readings.values), readings.sessions))


def looks_within(rounds: int, first: int) -> tuple[int, ...]:
    """After how many rounds readings are looked at: `first`, then twice as many each time."""
    looks = [min(first, rounds)]
    while 2 * looks[-1] <= rounds:
        looks.append(2 * looks[-1])
    return tuple(looks)


def _not_judged(readings: Readings) -> NotJudged:
    kept = ~spikes(readings)
    found = difference(
        readings.is_new[kept],
        np.log(readings.values[kept]),
        readings.sessions[kept],
        may_drift=True,
    )
    old, new = (float(np.median(readings.values[readings.is_new == side])) for side in (0, 1))
    row = Compared(
        metric=readings.metric,
        op=readings.op,
        curve=readings.curve,
        tokens=readings.tokens,
        unit=readings.unit,
        n=len(readings.values) // 2,
        old=old,
        new=new,
        change=1.0,
        lo=None,
        hi=None,
        p_more=1.0,
        p_less=1.0,
        verdict=Change.INCONCLUSIVE,
    )
    return NotJudged(row, found.step, found.standard_error, float(found.freedom))
