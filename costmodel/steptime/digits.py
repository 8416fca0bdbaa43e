"""Digits that are the same on every processor: sums of floats depend on it beyond them."""

from collections.abc import Mapping
from typing import Final

_DIGITS: Final = 10


def rounded(value: float, digits: int = _DIGITS) -> float:
    """The value to so many digits."""
    return float(f"{value:.{digits}g}")


def rounded_terms(terms: Mapping[str, float]) -> dict[str, float]:
    """Values by name to ten digits, in the order of the names."""
    return {name: rounded(value) for name, value in sorted(terms.items())}
