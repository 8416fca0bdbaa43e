"""Curves of many experts over the same loads, read at one load of each."""

import numpy as np

from ..stats.arrays import Float64, Int64


class Curves:
    """N curves [N, S] over `loads` [S] that ascend from 0, linear between two loads."""

    def __init__(self, loads: Float64, values: Float64) -> None:
        self._loads, self._values = loads, values
        self._slopes = np.diff(values, axis=1) / np.diff(loads)
        self._rows = np.arange(len(values))

    def pieces(self, loads: Float64 | Int64) -> Int64:
        """The piece between two loads, from 0 on, that each of `loads` [N] lies on."""
        return np.searchsorted(self._loads[1:-1], loads, side="right")

    def at(self, loads: Float64 | Int64, pieces: Int64 | None = None) -> Float64:
        """The value of each curve [N] at a load of its own, from 0 to the largest.

        `pieces` are those of these loads, where they are known.
        """
        before = self.pieces(loads) if pieces is None else pieces
        beyond = loads - self._loads[before]
        values: Float64 = self._values[self._rows, before]
        return values + self._slopes[self._rows, before] * beyond
