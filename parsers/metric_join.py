"""GPU metrics over a kernel's time: the mean of what was sampled, weighted by the overlap.

A sample is taken to speak for the time since the one before it, at most two periods back, so that
a hole in the sampling stays a hole. (Whether nsys stamps the end or the start of a period is not
documented; for kernels of many periods it makes no difference.) Most kernels are shorter than one
period: their mean is then that one sample's, which `metric_samples` and `metric_coverage` tell.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .events import Int64

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Overlap:
    """What samples say about each of n kernels.

    `samples` int64 [n] counts the sample times within [start, end]. `coverage` float64 [n] is the
    share of the kernel's time that samples speak for, NaN for a kernel of no length. `means` maps
    each metric to float64 [n], NaN where no sample of it overlaps the kernel.
    """

    samples: Int64
    coverage: Float64
    means: dict[str, Float64]


def join_metrics(
    time_ns: Int64, metrics: dict[str, Float64], start_ns: Int64, end_ns: Int64
) -> Overlap:
    """Join metrics, float64 [m] with NaN for null, sampled at `time_ns` (sorted) to kernels [n].

    One pass of prefix sums, then two binary searches a kernel.
    """
    moments = np.unique(time_ns)
    samples = np.searchsorted(moments, end_ns, "right") - np.searchsorted(moments, start_ns, "left")
    origin = int(time_ns[0]) if len(time_ns) else 0  # epoch times do not fit a float64
    time, start, end = time_ns - origin, start_ns - origin, end_ns - origin
    covered = _integral(moments - origin, np.ones(len(moments)), start, end)
    means = {}
    with np.errstate(divide="ignore", invalid="ignore"):
        coverage = covered / (end - start)
        for name, values in metrics.items():
            known = np.isfinite(values)
            weight = _integral(time[known], np.ones(int(known.sum())), start, end)
            total = _integral(time[known], values[known], start, end)
            means[name] = np.where(weight > 0, total / weight, np.nan)
    return Overlap(samples, np.where(end > start, coverage, np.nan), means)


def _integral(time: Int64, values: Float64, start: Int64, end: Int64) -> Float64:
    """Integral of the sampled step function over each [start, end], 0 where nothing is sampled."""
    if not len(time):
        return np.zeros(len(start))
    width = _widths(time)
    sums = np.concatenate([[0.0], np.cumsum(values * width)])

    def until(moment: Int64) -> Float64:
        full = np.searchsorted(time, moment, side="right")
        part = np.minimum(full, len(time) - 1)
        inside = np.clip(moment - (time[part] - width[part]), 0, width[part])
        partial: Float64 = sums[full] + np.where(full < len(time), inside * values[part], 0.0)
        return partial

    return until(end) - until(start)


def _widths(time: Int64) -> Int64:
    """How far back in time each sample speaks, in ns."""
    if len(time) < 2:
        return np.zeros(len(time), dtype=np.int64)
    steps = np.diff(time)
    period = int(np.median(steps))
    widths: Int64 = np.minimum(np.concatenate([[period], steps]), 2 * period)
    return widths
