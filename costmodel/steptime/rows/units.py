"""The unit that times look like, where they are not in the one that they are read in."""

from typing import Final

from ..features.steps import Array

# Times in this unit, read in milliseconds, are so many times too large.
_FACTORS: Final = {1e-3: "seconds", 1e3: "microseconds", 1e6: "nanoseconds"}
# The roofline over the time, of nearly all rows that were measured; a factor of 2 for throughput.
_USUAL: Final = (0.05, 1.15)
_MOST: Final = 0.8  # share of the times of one source
_NEAR: Final = 2.0


def unit_by_roofline(utilisation: Array) -> str:
    """What the times of one source look like; "" where as they are, or as no other unit.

    `utilisation` (n,) is the roofline of each row over its time as it was read.
    """
    for factor, unit in _FACTORS.items():
        usual = (utilisation * factor >= _USUAL[0]) & (utilisation * factor <= _USUAL[1])
        if len(utilisation) and usual.mean() >= _MOST:
            return _looks(factor, unit)
    return ""


def unit_by_batch(implied: float) -> str:
    """What a time per token looks like; "" where it does not look like another unit.

    `implied` is throughput x time over the batch: 1 where the unit is right.
    """
    for factor, unit in _FACTORS.items():
        if factor / _NEAR <= implied <= factor * _NEAR:
            return _looks(factor, unit)
    return ""


def _looks(factor: float, unit: str) -> str:
    size, times = ("large", factor) if factor > 1 else ("small", 1 / factor)
    return f"times look {times:.0f} times too {size}: {unit} as milliseconds"
