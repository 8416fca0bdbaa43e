"""Whether a change of the GPU's clocks explains a change of latency."""

from math import log
from statistics import mean
from typing import Final

from ...store.percent import percent
from ...store.verdicts.comparison import Change, Compared
from .paired import Twins
from .side import Side

_LEAST: Final = 0.003  # relative change of a clock that is more than its reading's steps


def by_clocks(row: Compared, old: Side, new: Side, twins: Twins) -> str | None:
    """Say that clocks explain a change of latency; None where they do not, or are not known.

    A kernel that computes takes longer by as much as the clock is slower, one that waits for memory
    by less. So clocks explain a change that is not surely larger than theirs.
    """
    was, now = _clocks_mhz(old, new, twins)
    if row.metric != "latency" or row.lo is None or row.hi is None or not was:
        return None
    longer = log(was / now)  # the log of the time that the clock alone can add
    if abs(longer) < _LEAST:
        return None
    slower = row.verdict is Change.REGRESSION and log(row.lo) <= longer
    faster = row.verdict is Change.IMPROVED and log(row.hi) >= longer
    if not slower and not faster:
        return None
    change = percent(now / was - 1, decimals=1, sign="+")
    return f"the SM clock went from {was:,.0f} to {now:,.0f} MHz ({change} %), which explains it"


def _clocks_mhz(old: Side, new: Side, twins: Twins) -> tuple[float, float]:
    """Mean clock of OLD and of NEW over the sizes where both are known; 0 where there is none."""
    pairs = [
        (clock, new.clocks_mhz[(twins.new, size)])
        for (curve, size), clock in old.clocks_mhz.items()
        if curve == twins.old and (twins.new, size) in new.clocks_mhz
    ]
    if not pairs:
        return 0.0, 0.0
    return mean(was for was, _ in pairs), mean(now for _, now in pairs)
