"""Intervals of statistics of rows that come in clusters: whole clusters are drawn anew.

Rows of one cluster share an error, so that a hundred rows of one cluster say little more than one.
The bootstrap draws clusters with replacement (Davison and Hinkley 1997, section 3.8), and its
percentiles are taken as far out as Student's t of as many clusters is (Hesterberg 2015, The
American Statistician 69, "expanded percentile interval"): plain percentiles are too narrow for few.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from ...stats.arrays import Float64, Int64

FEWEST_CLUSTERS: Final = 6  # fewer give a median no interval by order statistics
_DRAWS: Final = 2000
_GRID: Final = 512  # values at which a distribution is looked at
_LEVEL: Final = 0.95


@dataclass(frozen=True, slots=True)
class Clusters:
    """n rows in clusters: the `place` (n,) of each row's cluster, and draws of all clusters.

    `draws` has shape (draws, clusters): how often each cluster is in each draw.
    """

    place: Int64
    draws: Float64

    @classmethod
    def of(cls, place: Int64, seed: int = 0) -> Self:
        """Draw the clusters of rows, at least one row."""
        _, dense = np.unique(place, return_inverse=True)
        count = int(dense.max()) + 1
        rng = np.random.default_rng(seed)
        drawn = rng.multinomial(count, np.full(count, 1 / count), size=_DRAWS)
        return cls(dense.astype(np.int64), drawn.astype(np.float64))

    @property
    def count(self) -> int:
        """Number of clusters."""
        return int(self.draws.shape[1])

    def quantile(self, values: Float64, share: float) -> Float64:
        """The quantile of `values` (n,) in each draw; of shape (draws,)."""
        grid = np.unique(values)
        if len(grid) > _GRID:
            grid = np.unique(np.quantile(values, np.linspace(0, 1, _GRID)))
        at = np.searchsorted(grid, values)
        inside = np.zeros((self.count, len(grid)))
        np.add.at(inside, (self.place, at), 1.0)
        below = self.draws @ np.cumsum(inside, axis=1)
        # the last column is the number of rows of the draw
        return np.asarray(grid[np.argmax(below >= share * below[:, -1:], axis=1)])

    def mean(self, values: Float64) -> Float64:
        """The mean of `values` (n,) in each draw; of shape (draws,)."""
        sums = np.bincount(self.place, weights=values, minlength=self.count)
        sizes = np.bincount(self.place, minlength=self.count)
        return np.asarray((self.draws @ sums) / (self.draws @ sizes))

    def interval(self, drawn: Float64) -> tuple[float, float] | None:
        """The 95 % interval of a statistic, by its values in the draws; None below 6 clusters."""
        if self.count < FEWEST_CLUSTERS:
            return None
        tail = expanded_tail(self.count)
        low, high = np.quantile(drawn, [tail, 1 - tail])
        return float(low), float(high)


def expanded_tail(count: int) -> float:
    """The share of draws to leave out at each end, for a 95 % interval of `count` clusters."""
    from scipy.special import ndtr, stdtrit  # here: a look-up in a cost model loads no scipy

    student = stdtrit(count - 1, (1 + _LEVEL) / 2)
    return float(ndtr(-student * np.sqrt(count / (count - 1))))
