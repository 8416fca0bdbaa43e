"""The interval of the sum of a layer's kernels, of latency as of energy."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from math import hypot, sqrt

from ...store.cost_model import IntervalScores

Bounded = tuple[str, int, float, float, float]
"""Operation, number of calls, and of one call the value and the bounds of its 95 % interval."""


def interval_of_sum(
    parts: Iterable[Bounded], intervals: IntervalScores
) -> tuple[float, float, float]:
    """The sum of all calls, and the bounds of its 95 % interval, in the unit of the parts.

    The errors of one operation's calls are taken as equal, so that their half widths add up. Those
    of different operations have the part `intervals.shared` of their variance in common, and all of
    what they owe to the moments at which they were measured.
    """
    of_op: defaultdict[str, float] = defaultdict(float)
    below: defaultdict[str, float] = defaultdict(float)
    above: defaultdict[str, float] = defaultdict(float)
    for op, calls, value, low, high in parts:
        of_op[op] += calls * value
        below[op] += calls * (value - low)
        above[op] += calls * (high - value)
    total = sum(of_op.values())
    return (
        total,
        max(0.0, total - _half_width(below, of_op, intervals)),
        total + _half_width(above, of_op, intervals),
    )


def _half_width(
    halves: Mapping[str, float], of_op: Mapping[str, float], intervals: IntervalScores
) -> float:
    """Half width of the sum of operations, from the half width and the value of each."""
    turns, shared = intervals.turns_95 or 0.0, intervals.shared
    own = [sqrt(max(0.0, half**2 - (turns * of_op[op]) ** 2)) for op, half in halves.items()]
    common = hypot(turns * sum(of_op.values()), sqrt(shared) * sum(own))
    return hypot(common, sqrt(1 - shared) * hypot(*own))
