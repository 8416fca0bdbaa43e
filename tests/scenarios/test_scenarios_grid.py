"""Parsing batch sizes."""

import re
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.scenarios.grid import parse_batch_sizes
from moeprof.store.errors import BadInput


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("7", (7,)),
        ("4,1,2", (1, 2, 4)),
        ("1..4", (1, 2, 3, 4)),
        ("1..20:8", (1, 9, 17)),
        ("1..17:8", (1, 9, 17)),
        ("3..3", (3,)),
        ("pow2:1..512", (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)),
        ("pow2:3..9", (4, 8)),
        (" 2 , 1..3 ,2, pow2:2..5", (1, 2, 3, 4)),
        ("999999999", (999_999_999,)),
    ],
)
def test_sizes_are_read(text: str, sizes: tuple[int, ...]) -> None:
    assert parse_batch_sizes(text) == sizes


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "-1",
        "1.5",
        "1..",
        "..4",
        "1...4",
        "1..4:",
        "1:2",
        "pow2:8",
        "pow2:1..8:2",
        "\uff11",
    ],
)
def test_what_is_no_size_is_named(token: str) -> None:
    with pytest.raises(BadInput, match=re.escape(f"{token!r} is no batch size")) as caught:
        parse_batch_sizes(f"1,{token}")
    assert "pow2:1..512" in caught.value.hint


@pytest.mark.parametrize("token", ["0", "0..4", "1..4:0", "1000000000", "9" * 5000])
def test_a_number_that_is_no_batch_size_is_named(token: str) -> None:
    with pytest.raises(BadInput, match=re.escape(f"{token!r} has a number outside 1..999999999")):
        parse_batch_sizes(f"1,{token}")


def test_a_range_that_runs_backwards_is_named_with_the_way_out() -> None:
    with pytest.raises(BadInput, match=r"'8\.\.1' runs backwards") as caught:
        parse_batch_sizes("1,8..1")
    assert "1..8" in caught.value.hint


def test_a_range_without_a_power_of_2_is_named() -> None:
    with pytest.raises(BadInput, match=r"no power of 2 in 'pow2:5\.\.7'"):
        parse_batch_sizes("1,pow2:5..7")


@pytest.mark.parametrize("text", ["1..1000001", "1..999999999", "1..600000,600001..1200000"])
def test_too_many_sizes_are_refused(text: str) -> None:
    with pytest.raises(BadInput, match="more than 1,000,000 batch sizes"):
        parse_batch_sizes(text)


sizes_in_reach = st.integers(min_value=1, max_value=3000)


@settings(max_examples=60)
@given(st.lists(sizes_in_reach, min_size=1, max_size=20))
def test_every_size_named_is_there_once_and_in_order(sizes: list[int]) -> None:
    assert parse_batch_sizes(",".join(map(str, sizes))) == tuple(sorted(set(sizes)))


@settings(max_examples=60)
@given(first=sizes_in_reach, more=st.integers(0, 500), step=st.integers(1, 600))
def test_a_range_holds_the_sizes_that_its_steps_hit(first: int, more: int, step: int) -> None:
    last = first + more
    sizes = parse_batch_sizes(f"{first}..{last}:{step}")
    assert sizes == tuple(n for n in range(first, last + 1) if (n - first) % step == 0)


@settings(max_examples=60)
@given(first=sizes_in_reach, more=st.integers(0, 3000))
def test_pow2_holds_every_power_of_2_in_reach_and_nothing_else(first: int, more: int) -> None:
    last = first + more
    powers = tuple(n for n in range(first, last + 1) if n.bit_count() == 1)
    if powers:
        assert parse_batch_sizes(f"pow2:{first}..{last}") == powers
    else:
        with pytest.raises(BadInput, match="no power of 2"):
            parse_batch_sizes(f"pow2:{first}..{last}")


@settings(max_examples=60)
@given(st.text(alphabet="0123456789.,:pow2 -", max_size=14))
def test_any_text_gives_sizes_in_order_or_is_bad_input(text: str) -> None:
    with suppress(BadInput):
        sizes = parse_batch_sizes(text)
        assert sizes == tuple(sorted(set(sizes)))
        assert sizes[0] >= 1
