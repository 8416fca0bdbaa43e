"""Digits that are the same on every processor: sums of floats depend on it beyond them."""

from collections.abc import Mapping
from typing import Final

_DIGITS: Final = 10


def rounded(value: float) -> float:
    """The value to ten digits."""
    return float(f"{value:.{_DIGITS}g}")


def rounded_terms(terms: Mapping[str, float]) -> dict[str, float]:
    """Values by name to ten digits, in the order of the names."""
    return {name: rounded(value) for name, value in sorted(terms.items())}
