"""What is shown of data acts on no terminal, hides nothing, and stays the same data in JSON."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.store.text.printable import printable, printable_lines

ACTING = (
    *map(chr, range(0x20)),  # C0
    *map(chr, range(0x7F, 0xA0)),  # DEL, C1
    *"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c",  # direction
    *"\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\u3164\u115f\ufe0f",  # they have no width
    *"\u2028\u2029",  # ends of lines
    *"\ud800\udcff",  # halves of pairs
    *"\U000e0001\U000e0041\U000e0100",  # tags, and selectors of variants
)


@pytest.mark.parametrize("character", ACTING, ids=ascii)
def test_what_acts_or_hides_is_escaped(character: str) -> None:
    shown = printable(f"a{character}b")
    assert shown.isascii()
    assert shown.isprintable()
    assert json.loads(f'"{shown}"') == f"a{character}b"


@pytest.mark.parametrize("text", ["", "fc1", "é", "e\u0301", "专家", "µ ± 3 °C", "a\u00a0b", "🙂"])
def test_ordinary_text_stays_readable(text: str) -> None:
    assert printable(text) == text


@given(st.text(st.characters()))
def test_no_text_acts_on_a_terminal(text: str) -> None:
    shown = printable(text)
    kinds = {unicodedata.category(character) for character in shown}
    assert not kinds & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_json_stays_the_same_data(value: object) -> None:
    for encoding in ("utf-8", "ascii", "latin-1"):
        shown = printable_lines(json.dumps(value, indent=2, ensure_ascii=False), encoding)
        assert json.loads(shown) == value
        shown.encode(encoding)


def test_what_an_encoding_lacks_is_escaped() -> None:
    assert printable("é µ", "ascii") == "\\u00e9 \\u00b5"
    assert printable("é 专", "latin-1") == "é \\u4e13"
