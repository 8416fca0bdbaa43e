"""Whether a change of the GPU's clocks explains a change of latency.

A kernel that computes takes longer by as much as the clock is slower, one that waits for memory
not at all. So clocks explain every change between none and their own.
"""

from collections.abc import Iterable
from math import log
from statistics import mean
from typing import Final

from ...store.percent import percent
from ...store.verdicts.comparison import Change, CommonShift, Compared
from .paired import Twins
from .side import Side

_LEAST: Final = 0.003  # relative change of a clock that is more than its reading's steps


def by_clocks(
    row: Compared, shared_change: float, old: Side, new: Side, twins: Twins
) -> str | None:
    """Say that clocks explain a change of latency; None where they do not, or are not known.

    `shared_change` is what most curves share, new / old, and what `row` is told without.
    """
    if row.metric != "latency" or row.lo is None or row.hi is None:
        return None
    if row.verdict not in (Change.REGRESSION, Change.IMPROVED):
        return None
    nearest = row.lo if row.verdict is Change.REGRESSION else row.hi
    clocks = _clocks_mhz(old, new, [twins], row.tokens)
    return _explained(nearest * shared_change, clocks, is_slower=nearest is row.lo)


def shift_by_clocks(
    shift: CommonShift, old: Side, new: Side, curves: Iterable[Twins]
) -> str | None:
    """Say that clocks explain what most curves share; None where they do not, or are not known."""
    if shift.metric != "latency" or not shift.told:
        return None
    is_slower = shift.change > 1
    nearest = shift.lo if is_slower else shift.hi
    return _explained(nearest, _clocks_mhz(old, new, curves), is_slower=is_slower)


def _explained(nearest: float, clocks: tuple[float, float], *, is_slower: bool) -> str | None:
    """Explain a change whose bound nearest to no change is `nearest`, new / old."""
    was, now = clocks
    if not was or abs(now / was - 1) < _LEAST:
        return None
    longer = log(was / now)  # the log of the time that the clock alone adds to a kernel
    within = log(nearest) <= max(0.0, longer) if is_slower else log(nearest) >= min(0.0, longer)
    change = percent(now / was - 1, decimals=1, sign="+")
    told = f"the SM clock went from {was:,.0f} to {now:,.0f} MHz ({change} %), which explains it"
    return told if within else None


def _clocks_mhz(
    old: Side, new: Side, curves: Iterable[Twins], tokens: int | None = None
) -> tuple[float, float]:
    """Mean clock of OLD and of NEW at one size, None for all that both know; 0 where none is."""
    news = {twins.old: twins.new for twins in curves}
    pairs = [
        (clock, new.clocks_mhz[(news[curve], size)])
        for (curve, size), clock in old.clocks_mhz.items()
        if curve in news and tokens in (None, size) and (news[curve], size) in new.clocks_mhz
    ]
    if not pairs:
        return 0.0, 0.0
    return mean(was for was, _ in pairs), mean(now for _, now in pairs)
