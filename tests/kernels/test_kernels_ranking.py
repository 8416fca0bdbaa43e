"""Keys of numbers, in Triton's interpreter and in torch; `interpreted` runs the other file."""

from collections.abc import Callable


def test_keys_order_as_numbers_do(interpreted: Callable[[str], None]) -> None:
    interpreted("interpreted_ranking.py")
