"""Readings that something else disturbed: far from every level that was read more than once.

A co-tenant or a garbage collector may double a single reading. Under a normal likelihood a few of
them make the noise, and so the search, several times as large. Only what no noise explains is left
out: to clip residuals at 2 standard deviations makes a posterior overconfident, with 15 to 18 %
wrong answers where 5 % were stated.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...stats.arrays import Float64, Int64
from ...stats.change_point import Readings

_FAR: Final = 8.0  # standard deviations
_LEAST: Final = 3  # readings of a commit from which their median is its level
_USUAL: Final = 0.75  # share of readings that nothing disturbs; half would call a rare step a spike
_PER_USUAL: Final = 1 / 1.1503  # standard deviation of normal values over that quantile of |values|


def is_spike(readings: Readings) -> NDArray[np.bool_]:
    """Whether each reading is a spike, [n].

    A commit that was read thrice in a session has a level there. A reading of another commit is
    compared with the nearest of these levels, unless it lies between two of them.
    """
    commits, sessions, logs = readings.commits, readings.sessions, readings.logs
    if not len(logs):
        return np.zeros(0, bool)
    names = sessions * (commits.max() + 1) + commits
    groups, of_group, counts = np.unique(names, return_inverse=True, return_counts=True)
    medians, is_level = _medians(logs, of_group, counts), counts >= _LEAST
    low, high = medians.copy(), medians.copy()
    session_of = groups // (commits.max() + 1)
    for session in np.unique(session_of):
        own = session_of == session
        levels = medians[own & is_level]
        low[own & ~is_level] = levels.min() if len(levels) else -np.inf
        high[own & ~is_level] = levels.max() if len(levels) else np.inf
    away = np.maximum(low[of_group] - logs, logs - high[of_group])
    known = away[is_level[of_group]]
    usual = float(np.quantile(known, _USUAL, method="lower")) if len(known) else 0.0
    if usual == 0.0:  # most agree to the last digit, which says nothing of the noise
        return np.zeros(len(logs), bool)
    return np.asarray(away > _FAR * _PER_USUAL * usual)


def _medians(logs: Float64, of_group: Int64, counts: Int64) -> Float64:
    ordered = logs[np.lexsort((logs, of_group))]
    first = np.cumsum(counts) - counts
    middles = ordered[first + (counts - 1) // 2] + ordered[first + counts // 2]
    return np.asarray(middles / 2, np.float64)
