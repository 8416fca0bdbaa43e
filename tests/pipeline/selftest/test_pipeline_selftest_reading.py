"""How the items that a reading is made of are named."""

import pytest

from moeprof.pipeline.selftest.reading import named


@pytest.mark.parametrize(
    ("items", "text"),
    [
        ([], ""),
        (["a", "b"], "a; b"),
        (["a", "b", "a"], "2 x a; b"),
        ([*"abcde"], "a; b; c; and 2 more"),
        ([*"aabcdd"], "2 x a; b; c; and 2 more"),
    ],
)
def test_of_many_items_the_first_are_named_and_the_others_counted(
    items: list[str], text: str
) -> None:
    assert named(items) == text
