"""A reading of one claim: a number and what it is made of."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from .results import Facts

_MOST_NAMED: Final = 3


class Unmeasured(Exception):
    """Facts that say nothing of a claim; the message says why."""


class Reading(NamedTuple):
    """A value in the unit of its claim, and what it is made of."""

    value: float
    evidence: str


Read = Callable[[Facts], Reading]


def named(items: Sequence[str]) -> str:
    """The first few of some items, each once with its number, and how many more there are."""
    counts = Counter(items)
    first = list(counts.items())[:_MOST_NAMED]
    texts = [f"{count} x {item}" if count > 1 else item for item, count in first]
    left = len(items) - sum(count for _, count in first)
    return "; ".join([*texts, f"and {left} more"] if left else texts)
