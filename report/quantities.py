"""How the report writes numbers: significant digits, units, percent, lists of batch sizes."""

from collections.abc import Sequence
from math import floor, log10
from typing import Final

from ..store.percent import percent as in_percent

# What each table of the report calls an error (store/verdicts/parts.py).
ERROR: Final = "the larger of the predicted and the measured value over the smaller, less 1"


def significant(value: float | None) -> str | None:
    """Write four significant digits with thousands separators, never an exponent; None stays."""
    if value is None:
        return None
    digits = 0 if value == 0 else min(9, max(0, 3 - floor(log10(abs(value)))))
    return f"{value:,.{digits}f}"


def latency(latency_us: float) -> str:
    """Write a latency in µs, ms or s, whichever gives one or more: 41.20 µs, 1.310 ms."""
    for unit, size_us in (("s", 1e6), ("ms", 1e3)):
        if latency_us >= size_us:
            return f"{significant(latency_us / size_us)} {unit}"
    return f"{significant(latency_us)} µs"


def between(low: float | None, high: float | None) -> str | None:
    """Write an interval; None where an end is unknown."""
    return None if low is None or high is None else f"{significant(low)} to {significant(high)}"


def percent(share: float | None) -> str | None:
    """Write a share in percent, with the sign; None stays."""
    return None if share is None else f"{in_percent(share)} %"


def count(n: int, noun: str) -> str:
    """Write a count with its noun, in the plural by an s: 1 point, 2 points."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def batch_sizes(sizes: Sequence[int], separator: str = ", ") -> str:
    """Write ascending sizes in the syntax of `--batch-sizes`: `1..512`, `1..505:8`, `1, 2, 4`."""
    parts: list[str] = []
    start = 0
    while start < len(sizes):
        end = _even_until(sizes, start)
        step = sizes[end] - sizes[end - 1] if end > start else 1
        if end - start < (2 if step == 1 else 3):  # a range would be no shorter
            parts.append(str(sizes[start]))
            start += 1
            continue
        parts.append(f"{sizes[start]}..{sizes[end]}" + (f":{step}" if step > 1 else ""))
        start = end + 1
    return separator.join(parts)


def _even_until(sizes: Sequence[int], start: int) -> int:
    """Last index of the evenly spaced sizes that begin at `start`."""
    end = start + 1
    if end >= len(sizes):
        return start
    step = sizes[end] - sizes[start]
    while end + 1 < len(sizes) and sizes[end + 1] - sizes[end] == step:
        end += 1
    return end
