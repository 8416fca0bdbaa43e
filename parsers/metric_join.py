"""Means of sampled GPU metrics over each kernel's time, weighted by overlap.

A sample covers the time since the sample before it, but at most two sampling periods, so that a gap
in the sampling is not filled. (NVIDIA does not document whether nsys stamps the end or the start of
a period; for kernels of many periods it makes no difference.) Most kernels are shorter than one
period: then the mean is one sample's value, which `metric_samples` and `metric_coverage` show.

A metric's integral over a kernel is the running integral at its end minus that at its start. So
samples may come in pieces, in order of time: each piece completes the starts and ends within it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ..stats.arrays import Float64, Int64

_PERIOD_STEPS: Final = 1000  # number of steps whose median is the sampling period
_COVER: Final = ""  # name of the integral of the constant 1: the covered time


@dataclass(frozen=True, slots=True, eq=False)
class Overlap:
    """Metrics of n kernels.

    samples: int32 [n], number of sample times within [start, end].
    coverage: float64 [n], share of the kernel's time that samples cover; NaN for a kernel without
        duration.
    means: metric -> float64 [n], NaN where no sample of it covers a part of the kernel.
    """

    samples: npt.NDArray[np.int32]
    coverage: Float64
    means: dict[str, Float64]


class MetricJoin:
    """Joins samples that come in pieces to n kernels, given by start and duration int64 [n] in ns.

    Memory is about 36 bytes per kernel and 8 per kernel and metric; it does not grow with samples.
    """

    def __init__(self, start_ns: Int64, duration_ns: Int64) -> None:
        self._sides = (_Side.of(start_ns, -1), _Side.of(start_ns + duration_ns, 1))
        self._length = duration_ns
        self._counts = np.zeros(len(start_ns), dtype=np.int32)
        self._seen = 0
        self._all = _Grid(self._sides)
        self._grids: dict[str, _Grid] = {}  # metric -> `_all`, or its own if some sample lacks it

    def add(self, time_ns: Int64, metrics: Mapping[str, Float64]) -> None:
        """Add samples at `time_ns` int64 [k], ascending and later than all before.

        `metrics` maps every metric to float64 [k], NaN for null.
        """
        if not len(time_ns):
            return
        whole: dict[str, Float64] = {}
        for name, values in metrics.items():
            known = np.isfinite(values)
            grid = self._grid(name, bool(known.all()))
            if grid is self._all:
                whole[name] = values
            elif known.any():
                grid.add(time_ns[known], {name: values[known]})
        for kernels, at, until, sign in self._all.add(time_ns, whole):
            if sign < 0:  # a sample at the start itself counts as within the kernel
                until = until - ((until > 0) & (time_ns[until - 1] == at))
            self._counts[kernels] += (sign * (until + self._seen)).astype(np.int32)
        self._seen += len(time_ns)

    def close(self) -> None:
        """Complete the kernels that start or end after the last sample."""
        for kernels, sign in self._all.pending():
            self._counts[kernels] += np.int32(sign * self._seen)
        for grid in {self._all, *self._grids.values()}:
            grid.close()

    def overlap(self, rows: slice = slice(None)) -> Overlap:
        """Return the metrics of some kernels; call `close` before."""
        length = self._length[rows]
        cover = self._all.totals[_COVER][rows]
        means = {}
        for name, grid in self._grids.items():
            total = grid.totals.get(name, grid.totals[_COVER])  # no sample had it: 0 / 0
            means[name] = _ratio(total[rows], grid.totals[_COVER][rows])
        return Overlap(self._counts[rows], _ratio(cover, length), means)

    def _grid(self, name: str, known: bool) -> "_Grid":
        """Grid of a metric: the common one as long as every sample has the metric."""
        if name not in self._grids:
            shares = known and not self._seen
            self._grids[name] = self._all if shares else _Grid(self._sides)
        elif self._grids[name] is self._all and not known:
            self._grids[name] = self._all.split(name)
        return self._grids[name]


def _ratio(amount: Float64, of: Float64 | Int64) -> Float64:
    ratio: Float64 = np.divide(amount, of, out=np.full(len(of), np.nan), where=of > 0)
    return ratio


class _Side(NamedTuple):
    """Starts (sign -1) or ends (sign +1) of kernels in order of time, and the kernel of each."""

    moments: Int64
    order: Int64 | None  # kernel of each moment; None where the kernels are in that order
    sign: int

    @classmethod
    def of(cls, moments: Int64, sign: int) -> "_Side":
        if (np.diff(moments) >= 0).all():
            return cls(moments, None, sign)
        order = np.argsort(moments, kind="stable")
        return cls(moments[order], order, sign)

    def kernels(self, first: int, last: int) -> Int64 | slice:
        return slice(first, last) if self.order is None else self.order[first:last]


class _Crossing(NamedTuple):
    """Kernels whose start or end is within a piece, that time, and the number of samples before."""

    kernels: Int64 | slice
    at: Int64
    until: Int64
    sign: int


class _Grid:
    """Integrals over each kernel of metrics that are sampled at the same times.

    `sides` are the starts and the ends of the kernels. `totals` maps each metric, and `_COVER`, to
    float64 [kernels] in units of value times ns.
    """

    def __init__(self, sides: tuple[_Side, _Side]) -> None:
        self.totals: dict[str, Float64] = {_COVER: np.zeros(len(sides[0].moments))}
        self._sides = sides
        self._done = [0, 0]  # number of starts, and of ends, that are completed
        self._sums: dict[str, float] = {_COVER: 0.0}  # integrals up to the last sample
        self._last_ns: int | None = None
        self._period_ns = 0

    def split(self, name: str) -> "_Grid":
        """Move a metric to a grid of its own with the same state."""
        other = _Grid(self._sides)
        other.totals = {_COVER: self.totals[_COVER].copy(), name: self.totals.pop(name)}
        other._sums = {_COVER: self._sums[_COVER], name: self._sums.pop(name)}
        other._done = list(self._done)
        other._last_ns, other._period_ns = self._last_ns, self._period_ns
        return other

    def add(self, time_ns: Int64, metrics: Mapping[str, Float64]) -> list[_Crossing]:
        """Integrate a piece in which every sample has every metric; return what it completed."""
        width = self._widths(time_ns)
        crossings = [self._crossing(number, time_ns) for number in (0, 1)]
        shares = [_shares(crossing, time_ns, width) for crossing in crossings]
        for name, values in {_COVER: np.ones(len(time_ns)), **metrics}.items():
            if name not in self.totals:
                self.totals[name] = np.zeros(len(self.totals[_COVER]))
            total = self.totals[name]
            steps = np.concatenate([[0.0], np.cumsum(values * width)]) + self._sums.get(name, 0.0)
            for (kernels, _, until, sign), (part, share) in zip(crossings, shares, strict=True):
                total[kernels] += sign * (steps[until] + share * values[part])
            self._sums[name] = float(steps[-1])
        return crossings

    def close(self) -> None:
        """Complete the starts and ends after the last sample."""
        for kernels, sign in self.pending():
            for name, total in self.totals.items():
                total[kernels] += sign * self._sums[name]
        self._done = [len(side.moments) for side in self._sides]

    def pending(self) -> list[tuple[Int64 | slice, int]]:
        """Kernels that start (-1), and those that end (+1), after the last sample."""
        return [
            (side.kernels(done, len(side.moments)), side.sign)
            for side, done in zip(self._sides, self._done, strict=True)
        ]

    def _crossing(self, number: int, time_ns: Int64) -> _Crossing:
        side, first = self._sides[number], self._done[number]
        last = first + int(np.searchsorted(side.moments[first:], time_ns[-1], side="right"))
        self._done[number] = last
        at = side.moments[first:last]
        until = np.searchsorted(time_ns, at, side="right")
        return _Crossing(side.kernels(first, last), at, until, side.sign)

    def _widths(self, time_ns: Int64) -> Int64:
        """Time that each sample covers before it, int64 in ns."""
        steps = np.diff(time_ns)
        if not self._period_ns and len(steps):
            self._period_ns = int(np.median(steps[:_PERIOD_STEPS]))
        first = self._period_ns if self._last_ns is None else int(time_ns[0]) - self._last_ns
        self._last_ns = int(time_ns[-1])
        widths: Int64 = np.minimum(np.concatenate([[first], steps]), 2 * self._period_ns)
        return widths


def _shares(crossing: _Crossing, time_ns: Int64, width: Int64) -> tuple[Int64, Int64]:
    """Index of the sample that covers each moment, and how much of its width is before it, ns."""
    part = np.minimum(crossing.until, len(time_ns) - 1)
    begun = crossing.at - (time_ns - width)[part]
    passed = np.clip(begun, 0, width[part])
    passed[crossing.until == len(time_ns)] = 0
    return part, passed
