r"""What profilers put into JSON that JSON does not allow: `C:\Users`, tabs, Latin-1, NaN."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.parsers.kineto.repair import fault, masked, repaired


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (rb'"C:\Users\x"', r"C:\Users\x"),
        (rb'"a\"b\\c\n"', 'a"b\\c\n'),
        (b'"a\tb\x00"', "a\tb\x00"),
        (b'"caf\xe9"', r"caf\xe9"),
        ('"日本"'.encode(), "日本"),
        (rb'"\u65e5\ud83d\ude00"', "日😀"),
        (rb'"\ud83d!"', r"\ud83d!"),
        (rb'"\u12"', r"\u12"),
        (b"[NaN, -Infinity, nan, -inf, 1]", [None, None, None, None, 1]),
        (b'"NaN, Infinity"', "NaN, Infinity"),
        (b"9" * 5000, None),
        (b'{"a": , "b": ",:}", "c":}', {"a": None, "b": ",:}", "c": None}),
    ],
)
def test_invalid_json_is_read_as_what_was_meant(text: bytes, expected: object) -> None:
    assert json.loads(repaired(text)) == expected


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(value=VALUES, ascii_only=st.booleans())
def test_valid_json_is_not_changed(value: object, ascii_only: bool) -> None:
    try:
        text = json.dumps(value, ensure_ascii=ascii_only, allow_nan=False).encode()
    except (UnicodeEncodeError, ValueError):  # half a surrogate pair, or an infinite float
        return
    assert json.loads(repaired(text)) == value


def test_only_quotes_that_begin_or_end_a_string_are_left() -> None:
    assert masked(rb'{"a\"{": "\\"}') == b'{"a  {": "  "}'


@pytest.mark.parametrize(
    ("text", "byte", "cut"),
    [
        (b'{"a": 1', 7, True),
        (b'{"a": "x', 6, True),
        (rb'{"a": "\U', 6, True),
        (b'{"a": "x\\', 6, True),
        (rb'{"a": 1 \"b": 2}', 8, False),
        (b'{"a": tr', 6, True),
        (b'{"a": -', 6, True),
        (b'{"a": 1 2}', 8, False),
        (b'{"a": "b"c", "d": 1}', 9, False),
        (rb'{"a": "\U", "b" 1}', 16, False),
        (b'{"a": 1}}', 8, False),
        (b"[" * 100_000, 0, False),
    ],
)
def test_a_fault_is_located_and_told_from_a_missing_end(text: bytes, byte: int, cut: bool) -> None:
    found = fault(text)
    assert found is not None
    assert (found.byte, found.cut) == (byte, cut)
    assert found.cause


def test_what_can_be_repaired_is_no_fault() -> None:
    assert fault(b' {"a": "\\U\t\xe9", "b": NaN} ') is None


def test_a_number_of_any_length_is_no_fault() -> None:
    assert fault(b"9" * 5000) is None


@given(piece=st.text('\\"a[]{}\n', min_size=1), more=st.text('\\"a'))
def test_escapes_of_a_long_text_are_masked_as_those_of_a_short_one(piece: str, more: str) -> None:
    text = (piece * (1 + (1 << 16) // len(piece)) + more).encode()
    assert masked(text) == re.sub(rb"\\.", b"  ", text, flags=re.DOTALL)


def test_only_escapes_in_strings_are_masked_where_a_fault_is_looked_for() -> None:
    assert fault(rb'{"a": "\q\"", "b": 1}') is None
    broken = fault(rb'{"a": "\q\"", "b": 1\n}')
    assert broken is not None
    assert broken.byte == len(rb'{"a": "\q\"", "b": 1')
