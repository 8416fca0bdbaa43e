"""A measured quantity with its 95 % interval, or the reason why there is none."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """A value with the half width `ci95` of its 95 % interval, from `n` readings or intervals.

    `value` is None where nothing was measured, and `reason` says why. `ci95` is None where `n` is
    too small for an interval.
    """

    value: float | None
    ci95: float | None
    n: int
    reason: str | None = None

    def scaled(self, factor: float) -> "Measured":
        """The value and its half width times `factor`: another unit, or a quantity per launch."""
        if self.value is None:
            return self
        ci95 = None if self.ci95 is None else self.ci95 * abs(factor)
        return Measured(self.value * factor, ci95, self.n)


def difference(one: Measured, other: Measured) -> Measured:
    """`one` minus `other`, with the root of the sum of both squared half widths.

    The result may be negative. Where either was not measured the result is that one.
    """
    for part in (one, other):
        if part.value is None:
            return part
    assert one.value is not None
    assert other.value is not None
    known = one.ci95 is not None and other.ci95 is not None
    ci95 = math.hypot(one.ci95 or 0, other.ci95 or 0) if known else None
    return Measured(one.value - other.value, ci95, min(one.n, other.n))


def disagreement(one: Measured, other: Measured) -> float | None:
    """one / other - 1; None where one was not measured, or the other was not or is 0."""
    if one.value is None or other.value is None or other.value == 0:
        return None
    return one.value / other.value - 1
