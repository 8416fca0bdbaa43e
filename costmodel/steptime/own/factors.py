"""How far steps of a known configuration are off, where it has few rows to tell it.

Normalised conformal prediction (Papadopoulos et al. 2008, Neural Networks 21): the errors of all
configurations share quantiles, each in units of its configuration's mean |log error|, which is
drawn to that of all as if it had eight more rows.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from ....stats.conformal import COVERAGES_PCT, conformal_quantile
from ..digits import rounded
from ..features.steps import Array

_DRAWN: Final = 8  # rows
_LEAST: Final = 1e-6


def log_errors_drawn(errors: Mapping[str, Array], whole: Array) -> dict[str, float]:
    """The mean |log error| of each group, from its errors (m,); `whole` (n,) are those of all.

    NaN in `whole` is a row of no group.
    """
    mean = _mean(whole)
    return {
        name: max(float((np.abs(one).sum() + _DRAWN * mean) / (len(one) + _DRAWN)), _LEAST)
        for name, one in errors.items()
    }


def log_quantiles(errors: Mapping[str, Array], whole: Array) -> dict[str, float]:
    """By coverage in percent, how many times its group's mean |log error| an error reaches.

    The mean is that without the row. A coverage that has too few rows is not there.
    """
    mean, scores = _mean(whole), []
    for one in errors.values():
        off = np.abs(one)
        others = (off.sum() - off + _DRAWN * mean) / (len(off) - 1 + _DRAWN)
        scores.append(off / np.maximum(others, _LEAST))
    ascending = np.sort(np.concatenate(scores))
    found = {percent: conformal_quantile(ascending, percent) for percent in COVERAGES_PCT}
    return {
        str(percent): rounded(max(value, _LEAST))
        for percent, value in found.items()
        if value is not None
    }


def _mean(whole: Array) -> float:
    return float(np.nanmean(np.abs(whole)))
