"""What has been observed of one operation so far: times, their scatter, and failures, by size."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import sqrt
from statistics import NormalDist, median, quantiles
from typing import Final

from ...store.recording import PointTiming
from .repeat import Repeat

# Of a normal distribution: standard error of the median over that of the mean, and standard
# deviation over interquartile range.
_MEDIAN_OVER_MEAN: Final = 1.2533
_DEVIATION_OVER_RANGE: Final = 1 / (2 * NormalDist().inv_cdf(0.75))
_MIN_CALLS: Final = 4  # fewer have no quartiles


@dataclass(slots=True)
class Observations:
    """Times and failures by batch size; the first measurement of a size decides.

    `time_ns` is the median of the calls, `spread` their interquartile range over it, `noise` the
    relative standard error of the median. Sizes in `repeated` were measured more than once.
    """

    time_ns: dict[int, float] = field(default_factory=dict)
    spread: dict[int, float] = field(default_factory=dict)
    noise: dict[int, float] = field(default_factory=dict)
    repeated: set[int] = field(default_factory=set)
    failed: set[int] = field(default_factory=set)

    def add(self, repeat: Repeat, timing: PointTiming) -> None:
        """Add a measurement; one by `ncu` has no times of calls, and adds no time, as one of 0."""
        time_ns = median(timing.calls_ns) if timing.calls_ns else 0
        if time_ns > 0 and repeat.tokens not in self.time_ns:
            self.time_ns[repeat.tokens] = time_ns
            self.spread[repeat.tokens] = _spread(timing.calls_ns)
            self.noise[repeat.tokens] = _noise(timing.calls_ns)
        if repeat.number:
            self.repeated.add(repeat.tokens)


def _noise(calls_ns: Sequence[int]) -> float:
    """Relative standard error of the median of some calls; 0 where they are too few to say."""
    return _MEDIAN_OVER_MEAN * _DEVIATION_OVER_RANGE * _spread(calls_ns) / sqrt(len(calls_ns))


def _spread(calls_ns: Sequence[int]) -> float:
    """Interquartile range of some calls over their median; 0 where they are too few to say."""
    if len(calls_ns) < _MIN_CALLS:
        return 0.0
    low, _, high = quantiles(calls_ns, n=4)
    return (high - low) / median(calls_ns)
