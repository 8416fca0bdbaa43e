"""GPU metrics over a kernel's time: the mean of what was sampled, weighted by the overlap.

A sample is taken to speak for the time since the one before it, at most two periods back, so that
a hole in the sampling stays a hole. (Whether nsys stamps the end or the start of a period is not
documented; for kernels of many periods it makes no difference.) Most kernels are shorter than one
period: their mean is then that one sample's, which `metric_samples` and `metric_coverage` tell.

The integral of a metric over a kernel is that up to its end less that up to its start. So samples
may come in pieces, in order of time: each piece answers for the starts and ends that lie in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ..stats.arrays import Float64, Int64

_STEPS: Final = 1000  # that the period is taken from: pieces of any size give the same
_COVER: Final = ""  # the name under which the time itself is integrated


@dataclass(frozen=True, slots=True, eq=False)
class Overlap:
    """What samples say about each of n kernels.

    `samples` int32 [n] counts the sample times within [start, end]. `coverage` float64 [n] is the
    share of the kernel's time that samples speak for, NaN for a kernel of no length. `means` maps
    each metric to float64 [n], NaN where no sample of it overlaps the kernel.
    """

    samples: npt.NDArray[np.int32]
    coverage: Float64
    means: dict[str, Float64]


class MetricJoin:
    """Joins samples that come in pieces to n kernels, given by start and length int64 [n] in ns.

    Memory is 8 bytes a kernel for each metric, and some 36 more; it does not grow with samples.
    """

    def __init__(self, start_ns: Int64, duration_ns: Int64) -> None:
        self._sides = (_Side.of(start_ns, -1), _Side.of(start_ns + duration_ns, 1))
        self._length = duration_ns
        self._counts = np.zeros(len(start_ns), dtype=np.int32)
        self._seen = 0
        self._all = _Grid(self._sides)
        self._grids: dict[str, _Grid] = {}  # of each metric: its own where some sample lacks it

    def add(self, time_ns: Int64, metrics: Mapping[str, Float64]) -> None:
        """Take in samples at `time_ns`, rising and later than all before; NaN is null.

        Every piece names every metric.
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
        for index, at, until, sign in self._all.add(time_ns, whole):
            if sign < 0:  # a sample at the very start lies within the kernel
                until = until - ((until > 0) & (time_ns[until - 1] == at))
            self._counts[index] += (sign * (until + self._seen)).astype(np.int32)
        self._seen += len(time_ns)

    def close(self) -> None:
        """Take it that no more samples come."""
        for index, sign in self._all.unanswered():
            self._counts[index] += np.int32(sign * self._seen)
        for grid in {self._all, *self._grids.values()}:
            grid.close()

    def overlap(self, rows: slice = slice(None)) -> Overlap:
        """Return what all samples together say about some of the kernels; after `close`."""
        length = self._length[rows]
        cover = self._all.totals[_COVER][rows]
        means = {}
        for name, grid in self._grids.items():
            total = grid.totals.get(name, grid.totals[_COVER])  # none: no sample had the metric
            means[name] = _ratio(total[rows], grid.totals[_COVER][rows])
        return Overlap(self._counts[rows], _ratio(cover, length), means)

    def _grid(self, name: str, known: bool) -> "_Grid":
        """Grid of a metric: that of all samples as long as each of them has the metric."""
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
    """Starts or ends of kernels in order of time, the kernel of each, and -1 or +1."""

    moments: Int64
    order: Int64 | None  # None where they are in order as they are
    sign: int

    @classmethod
    def of(cls, moments: Int64, sign: int) -> "_Side":
        if (np.diff(moments) >= 0).all():
            return cls(moments, None, sign)
        order = np.argsort(moments, kind="stable")
        return cls(moments[order], order, sign)

    def kernels(self, first: int, last: int) -> Int64 | slice:
        return slice(first, last) if self.order is None else self.order[first:last]


class _Answer(NamedTuple):
    """Kernels whose starts or ends lie in a piece: which, when, and how many samples until then."""

    kernels: Int64 | slice
    at: Int64
    until: Int64
    sign: int


class _Grid:
    """Times at which something was sampled, and its integrals over each kernel."""

    def __init__(self, sides: tuple[_Side, _Side]) -> None:
        self.totals: dict[str, Float64] = {_COVER: np.zeros(len(sides[0].moments))}
        self._sides = sides
        self._answered = [0, 0]
        self._sums: dict[str, float] = {_COVER: 0.0}  # integrals until the last sample
        self._last_ns: int | None = None
        self._period_ns = 0

    def split(self, name: str) -> "_Grid":
        """Move a metric to a grid of its own, in the same state."""
        other = _Grid(self._sides)
        other.totals = {_COVER: self.totals[_COVER].copy(), name: self.totals.pop(name)}
        other._sums = {_COVER: self._sums[_COVER], name: self._sums.pop(name)}
        other._answered = list(self._answered)
        other._last_ns, other._period_ns = self._last_ns, self._period_ns
        return other

    def add(self, time_ns: Int64, metrics: Mapping[str, Float64]) -> list[_Answer]:
        """Integrate a piece, in which every sample has every metric; return what it answered."""
        width = self._widths(time_ns)
        answers = [self._answer(number, time_ns) for number in (0, 1)]
        shares = [_shares(answer, time_ns, width) for answer in answers]
        for name, values in {_COVER: np.ones(len(time_ns)), **metrics}.items():
            if name not in self.totals:
                self.totals[name] = np.zeros(len(self.totals[_COVER]))
            total = self.totals[name]
            steps = np.concatenate([[0.0], np.cumsum(values * width)]) + self._sums.get(name, 0.0)
            for (index, _, until, sign), (part, share) in zip(answers, shares, strict=True):
                total[index] += sign * (steps[until] + share * values[part])
            self._sums[name] = float(steps[-1])
        return answers

    def close(self) -> None:
        """Answer for the starts and ends after the last sample."""
        for index, sign in self.unanswered():
            for name, total in self.totals.items():
                total[index] += sign * self._sums[name]
        self._answered = [len(side.moments) for side in self._sides]

    def unanswered(self) -> list[tuple[Int64 | slice, int]]:
        """Kernels whose starts, and whose ends, lie after the last sample, with -1 and +1."""
        return [
            (side.kernels(done, len(side.moments)), side.sign)
            for side, done in zip(self._sides, self._answered, strict=True)
        ]

    def _answer(self, number: int, time_ns: Int64) -> _Answer:
        side, first = self._sides[number], self._answered[number]
        last = first + int(np.searchsorted(side.moments[first:], time_ns[-1], side="right"))
        self._answered[number] = last
        at = side.moments[first:last]
        until = np.searchsorted(time_ns, at, side="right")
        return _Answer(side.kernels(first, last), at, until, side.sign)

    def _widths(self, time_ns: Int64) -> Int64:
        """How far back in time each sample speaks, in ns."""
        steps = np.diff(time_ns)
        if not self._period_ns and len(steps):
            self._period_ns = int(np.median(steps[:_STEPS]))
        first = self._period_ns if self._last_ns is None else int(time_ns[0]) - self._last_ns
        self._last_ns = int(time_ns[-1])
        widths: Int64 = np.minimum(np.concatenate([[first], steps]), 2 * self._period_ns)
        return widths


def _shares(answer: _Answer, time_ns: Int64, width: Int64) -> tuple[Int64, Int64]:
    """Sample under way at each moment, and how much of its width has passed by then, in ns."""
    part = np.minimum(answer.until, len(time_ns) - 1)
    begun = answer.at - (time_ns - width)[part]
    passed = np.clip(begun, 0, width[part])
    passed[answer.until == len(time_ns)] = 0
    return part, passed
