"""Readings that something else disturbed: far from all others of the same commit.

A co-tenant or a garbage collector may double a single reading. Under a normal likelihood a few of
them make the noise, and so the search, several times as large. Only what no noise explains is left
out: to clip residuals at 2 standard deviations makes a posterior overconfident, with 15 to 18 %
wrong answers where 5 % were stated.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...stats.change_point import Readings

_FAR: Final = 8.0  # robust standard deviations from the median of the commit in the session
_LEAST: Final = 3  # readings of these from which their median shows one that is far
_PER_MEDIAN: Final = 1.4826  # standard deviation of normal values over their median deviation


def is_spike(readings: Readings) -> NDArray[np.bool_]:
    """Whether each reading is a spike, [n]. Commits with few readings have none."""
    away = np.full(len(readings.logs), np.nan)
    # A session has a level of its own.
    for commit, session in {*zip(readings.commits, readings.sessions, strict=True)}:
        own = (readings.commits == commit) & (readings.sessions == session)
        if own.sum() >= _LEAST:
            away[own] = np.abs(readings.logs[own] - np.median(readings.logs[own]))
    known = away[np.isfinite(away)]
    usual = float(np.median(known)) if len(known) else 0.0
    if usual == 0.0:  # most agree to the last digit, which says nothing of the noise
        return np.zeros(len(away), bool)
    return np.asarray(away > _FAR * _PER_MEDIAN * usual)
