"""Elements are cut where their brackets end, whatever their strings hold."""

import json

from hypothesis import given
from hypothesis import strategies as st

from moeprof.parsers.kineto.list_window import Window, split_elements

LISTS = st.lists(st.dictionaries(st.text(), st.text() | st.lists(st.text()), max_size=3))


@given(LISTS, st.booleans())
def test_each_element_is_cut_out_whole(elements: list[dict[str, object]], ascii_only: bool) -> None:
    text = json.dumps(elements, ensure_ascii=ascii_only).encode("utf-8", "replace")
    spans, closed = split_elements(text[1:])
    found = [json.loads(text[1 + start : 1 + end]) for start, end in spans]
    assert found == json.loads(text)
    assert closed == len(text) - 2


def test_an_element_without_its_end_is_none() -> None:
    spans, closed = split_elements(b'{"a": 1}, {"b": [2')
    assert (list(spans), closed) == ([(0, 8)], None)


def test_a_window_moves_over_all_blocks() -> None:
    window = Window(iter([b"ab", b"cdef"]))
    while window.more():
        pass
    assert (window.drop(4), window.text, window.byte) == (b"abcd", b"ef", 4)
