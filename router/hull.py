"""Convex functions below measured curves: what a convex program may act on instead of them.

A measured curve is not convex: the first row reads the weights, tiles make it a staircase, and
repeats scatter. Its convex minorant is the largest convex function that nowhere lies above it. The
jump at the first row alone would put the minorant far below the curve, so an expert that is in use
has its jump apart from the minorant, as a fixed charge.
"""

from dataclasses import dataclass

import numpy as np

from ..stats.arrays import Float64

_ROUNDING = 1e-13


@dataclass(frozen=True, eq=False)
class Hull:
    """Convex piecewise-linear functions below N curves over S loads, for experts in use.

    An expert in use costs its `fixed` [N] charge and, for each row between two loads of the curve,
    the slope [S - 1, N] there; slopes never fall along the first axis. `distance` [N] is by which
    share of the curve the hull lies below it, at the load above 0 where that share is largest.
    """

    fixed: Float64
    slopes: Float64
    distance: Float64


def hull_of(loads: Float64, curves: Float64) -> Hull:
    """The hulls of curves [N, S] that are 0 at the load 0, the first of `loads` [S].

    A hull is the convex minorant of the loads above 0, continued to 0 in a straight line. Where
    this meets 0 below zero, there is no fixed charge, and the hull begins at zero.
    """
    fixed = np.zeros(len(curves))
    if len(loads) > 2:
        beyond = minorant_slopes(loads[1:], curves[:, 1:])
        fixed = np.maximum(curves[:, 1] - beyond[:, 0] * loads[1], 0.0)
        first = np.where(fixed > 0, beyond[:, 0], curves[:, 1] / loads[1])
        slopes = np.column_stack([first, beyond])
    else:
        slopes = np.diff(curves, axis=1) / np.diff(loads)
    heights = fixed[:, None] + np.cumsum(slopes * np.diff(loads), axis=1)
    above = np.maximum(curves[:, 1:] - heights, 0.0)
    distance = (above / np.where(curves[:, 1:] > 0, curves[:, 1:], np.inf)).max(axis=1)
    return Hull(fixed, np.ascontiguousarray(slopes.T), np.where(distance > 1e-9, distance, 0.0))


def common_pieces(loads: Float64, slopes: list[Float64]) -> tuple[Float64, list[Float64]]:
    """Ends [P, N] of as few pieces as all `slopes` [S - 1, N] have in common, and these over them.

    A piece ends where one of the slopes changes. An expert with fewer ends than another is cut
    where none changes.
    """
    turns = np.any([np.diff(each, axis=0) != 0 for each in slopes], axis=0)
    most = int(turns.sum(axis=0).max(initial=0))
    inner = np.sort(np.argsort(~turns, axis=0, kind="stable")[:most], axis=0)
    last = np.vstack([inner, np.full(turns.shape[1], len(loads) - 2)])
    return loads[last + 1], [np.take_along_axis(each, last, axis=0) for each in slopes]


def minorant_slopes(loads: Float64, curves: Float64) -> Float64:
    """Slopes [N, S - 1] of the convex minorants of `curves` [N, S] between neighbouring loads [S].

    From a vertex, the next one is where the curve is seen under the smallest slope, and of several
    the farthest: so a curve that is linear but for rounding has one slope throughout.
    """
    rows, last = np.arange(len(curves)), len(loads) - 1
    rounding = _ROUNDING * np.abs(curves).max(axis=1)
    slopes = np.empty((len(curves), last))
    vertex = np.zeros(len(curves), dtype=np.int64)
    while (vertex < last).any():
        width = loads - loads[vertex, None]
        ahead = width > 0
        width = np.where(ahead, width, 1.0)
        seen = np.where(ahead, (curves - curves[rows, vertex][:, None]) / width, np.inf)
        lowest = seen.min(axis=1)[:, None]
        collinear = ahead & (seen <= lowest + (rounding[:, None] / width))
        following = np.where(collinear.any(axis=1), last - collinear[:, ::-1].argmax(axis=1), last)
        between = np.arange(last)
        inside = (between >= vertex[:, None]) & (between < following[:, None])
        slopes = np.where(inside, seen[rows, following][:, None], slopes)
        vertex = following
    return slopes
