"""How far two measurements of the same code lie apart, as the curves that did not change show it.

Two runs are two blocks of time. No repeat within either tells how the machine went from one to the
other: a curve's level moves with the clocks, the neighbours and where its memory lies. What tells
it are the other curves. So a curve is held against the spread of those that changed alike, and
what these share is told apart, as the machine's or the build's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ...stats.arrays import Float64
from ...stats.many.outliers import lying_apart
from ...stats.many.random_effects import CommonMean, common_mean
from .paired import Pairs

FEWEST_CURVES: Final = 4  # fewer do not show how two measurements of the same code differ
_NORMAL_MAD: Final = 1.4826  # standard deviation over median absolute deviation
_EFFICIENCY: Final = 0.37  # median absolute deviation against standard deviation
_FEWEST_SIZES: Final = 6  # with fewer, a step of the curve is much of the scatter
_MEDIAN: Final = 1.2533  # standard error of a median over that of a mean, of normal values
_OF_INTERVALS: Final = 30.0  # degrees of freedom of an interval over tens of calls


@dataclass(frozen=True, slots=True)
class Shared:
    """What the curves of one quantity that changed alike share.

    `common` is their mean log ratio and how far they lie apart, of `n` curves; within one run
    nothing lies between its curves, and `n` is 0. `p_apart` maps a curve to the p-value that it is
    one of them.
    """

    common: CommonMean
    n: int
    p_apart: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """Log ratios [n] without the shared one, their standard errors and degrees of freedom."""

    change: Float64
    sd: Float64
    freedom: Float64


def shared_by(pairs: Sequence[Pairs], alpha: float, *, same_run: bool) -> Shared | None:
    """What the curves of one quantity share; None where they are too few to tell.

    A curve that is compared with another operation says nothing of the two measurements.
    """
    if same_run:
        return Shared(CommonMean(0.0, 0.0, 0.0), 0, {})
    own = [one for one in pairs if not one.twins.is_mapped]
    if len(own) < FEWEST_CURVES:
        return None
    levels = np.array([one.level for one in own])
    sds = np.array([_own_sd(one) for one in own])
    apart = lying_apart(levels, sds, alpha)
    left = list(apart.left)
    p_apart = {one.curve: float(p) for one, p in zip(own, apart.p, strict=True)}
    return Shared(common_mean(levels[left], sds[left]), len(left), p_apart)


def over_all_sizes(pairs: Pairs, shared: Shared) -> Estimate:
    """The change of a curve as a whole, [1]: its median, with its error and that between runs."""
    sd, freedom = _of_level(pairs, shared)
    change = pairs.level - shared.common.mean
    return Estimate(np.array([change]), np.array([sd]), np.array([freedom]))


def at_each_size(pairs: Pairs, shared: Shared) -> Estimate:
    """The change at each size, [n]: the error of the whole curve, and that of sizes beside it.

    How single sizes scatter is taken from differences of neighbours, of which a step of the curve
    is one among many.
    """
    level_sd, level_freedom = _of_level(pairs, shared)
    scatter, scatter_freedom = _scatter(pairs.log_ratios)
    size_sd = np.maximum(scatter, pairs.own_sd)
    parts = np.stack([np.full(len(size_sd), level_sd), size_sd]) ** 2
    freedoms = np.array([[level_freedom], [scatter_freedom]])
    variance = parts.sum(axis=0)
    freedom = variance**2 / np.maximum((parts**2 / freedoms).sum(axis=0), 1e-300)  # Satterthwaite
    change = pairs.log_ratios - shared.common.mean
    return Estimate(change, np.sqrt(variance), np.maximum(freedom, 1.0))


def _of_level(pairs: Pairs, shared: Shared) -> tuple[float, float]:
    """Standard error of a curve's level, and its degrees of freedom."""
    freedom = shared.n - 1.0 if shared.n else float(pairs.freedom or _OF_INTERVALS)
    return shared.common.error_of(_own_sd(pairs)), freedom


def _own_sd(pairs: Pairs) -> float:
    """Error of a curve's median by its repeats, and by how its sizes scatter."""
    of_median = _MEDIAN * _scatter(pairs.log_ratios)[0] / len(pairs.tokens) ** 0.5
    return float(np.hypot(pairs.own_sd_of_all, of_median))


def _scatter(log_ratios: Float64) -> tuple[float, float]:
    """Standard deviation of single sizes beside their neighbours, and its degrees of freedom."""
    if len(log_ratios) < 2:
        return 0.0, _OF_INTERVALS
    if len(log_ratios) < _FEWEST_SIZES:
        return float(np.std(log_ratios, ddof=1)), len(log_ratios) - 1.0
    steps = np.abs(np.diff(log_ratios))
    sd = _NORMAL_MAD * float(np.median(steps)) / 2**0.5
    return sd, max(1.0, _EFFICIENCY * len(steps))
