"""How well a model's intervals fit its errors: neither too wide nor too narrow."""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from ..stats.arrays import Float64
from ..stats.binomial import LEVEL, at_most
from ..stats.conformal import conformal_quantile
from ..stats.interval_score import interval_scores
from ..store.verdicts.parts import HoldoutPoint, IntervalQuality
from ..store.verdicts.verdict import MIN_HELD_OUT

# With eight sizes and right intervals of normal errors, chance alone gives 3 in one of 300 curves.
_WIDE: Final = 3.0
_SMALLEST: Final = 0.001  # |log| error; a clock of a sweep tells no smaller one
_JUDGED_PCT: Final = (80, 95)


def judge_intervals(points: Sequence[HoldoutPoint]) -> IntervalQuality | None:
    """Judge the intervals at held-out sizes; None where the model gives none."""
    known = [point for point in points if point.half_95 is not None]
    if not known:
        return None
    halves = np.array([point.half_95 for point in known], dtype=np.float64)
    errors = np.abs(np.log([point.predicted / point.measured for point in known]))
    coverage = {
        50: share_inside(point.inside_50 for point in known) or 0.0,
        80: share_inside(point.inside_80 for point in known) or 0.0,
        95: share_inside(point.inside_95 for point in known) or 0.0,
    }
    wide = _times_too_wide(errors, halves)
    return IntervalQuality(
        n=len(known),
        coverage_50=coverage[50],
        coverage_80=coverage[80],
        coverage_95=coverage[95],
        half_width_95=float(np.median(halves)),
        score_95=float(interval_scores(errors, halves, 95).mean()),
        times_too_wide=wide,
        remark=_remark(len(known), coverage, wide),
    )


def share_inside(inside: Iterable[bool | None]) -> float | None:
    """Share of points inside their interval, of those that have one; None where none has."""
    known = [each for each in inside if each is not None]
    return sum(known) / len(known) if known else None


def _times_too_wide(errors: Float64, halves: Float64) -> float:
    """Factor by which the intervals may be divided and still cover 95 % of the sizes.

    By the conformal quantile of error over half width; below 19 sizes by the largest one.
    """
    shares = np.sort(np.maximum(errors, _SMALLEST) / np.maximum(halves, _SMALLEST))
    needed = conformal_quantile(shares, 95)
    return 1 / (float(shares[-1]) if needed is None else needed)


def _remark(n: int, coverage: dict[int, float], wide: float) -> str | None:
    """Say what is wrong with the intervals where it is more than chance; None else."""
    for percent in _JUDGED_PCT:
        if at_most(round(coverage[percent] * n), n, percent / 100) <= LEVEL:
            return f"intervals of {percent} % cover {100 * coverage[percent]:.0f} % of {n} sizes"
    if wide >= _WIDE and n >= MIN_HELD_OUT:
        return f"intervals are {wide:.0f} times wider than needed"
    return None
