"""Runs interpreted_ranking.py in Triton's interpreter."""

from collections.abc import Callable


def test_keys_order_as_numbers_do(interpreted: Callable[[str], None]) -> None:
    interpreted("interpreted_ranking.py")
