"""A list in a sentence does not grow without end."""

from hypothesis import given
from hypothesis import strategies as st

from moeprof.store.text.listed import listed


@given(st.lists(st.integers()), st.integers(1, 20))
def test_what_is_named_and_what_is_counted_is_all(names: list[int], most: int) -> None:
    written = listed(names, most)
    left_out = len(names) - most
    assert written.count(",") == max(0, min(len(names), most) - 1)
    assert written.endswith(f" and {left_out} more") is (left_out > 0)
