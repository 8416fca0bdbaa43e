"""One sortable integer for a pair of integers, so that pairs can be looked up by `searchsorted`."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..stats.arrays import Int64


def joint_keys(left: tuple[Int64, Int64], right: tuple[Int64, Int64]) -> tuple[Int64, Int64]:
    """Return one int64 key per pair (major, minor), comparable between both sides.

    `left` is int64 [n] twice, `right` int64 [m] twice; the keys are int64 [n] and [m]. Keys are
    ordered and equal as the pairs are, majors first.
    """
    majors = np.union1d(_distinct(left[0]), _distinct(right[0]))
    minors = left[1], right[1]
    if len(majors) < 2:
        return minors
    low = min((int(minor.min()) for minor in minors if len(minor)), default=0)
    width = 1 - low + max((int(minor.max()) for minor in minors if len(minor)), default=0)
    if len(majors) * width >= 2**62:  # would overflow: ranks instead of values
        minors, low = _ranks(*minors), 0
        width = sum(map(len, minors))
    ranks = (np.searchsorted(majors, major) for major in (left[0], right[0]))
    first, second = (
        rank * width + (minor - low) for rank, minor in zip(ranks, minors, strict=True)
    )
    return first, second


def _ranks(left: Int64, right: Int64) -> tuple[Int64, Int64]:
    """Dense ranks of the values of both arrays together."""
    distinct = np.union1d(_distinct(left), _distinct(right))
    return np.searchsorted(distinct, left), np.searchsorted(distinct, right)


def _distinct(values: Int64) -> Int64:
    """Distinct values by hashing, which is faster than sorting where few values repeat often."""
    distinct: Int64 = np.asarray(pc.unique(pa.array(values)))
    return distinct
