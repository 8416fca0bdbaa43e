"""Durations as the command line writes them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.cli.options import duration_s
from moeprof.store.errors import BadInput


@pytest.mark.parametrize(
    ("words", "seconds"),
    [("90", 90), ("90s", 90), ("3m", 180), ("1.5h", 5400), ("500ms", 0.5), (" 2s ", 2)],
)
def test_a_duration_is_read_in_its_unit(words: str, seconds: float) -> None:
    assert duration_s(words) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "soon",
        "-3m",
        "0",
        "0s",
        "3 m",
        "3d",
        "1e3",
        "nan",
        "inf",
        ".5h",
        "٣m",
        "3m2s",
        "8761h",
        "9" * 400,
    ],
)
def test_what_is_no_duration_is_refused(words: str) -> None:
    with pytest.raises(BadInput, match="is no duration") as caught:
        duration_s(words)
    assert repr(words) in caught.value.message
    assert caught.value.hint


@settings(max_examples=50)
@given(st.integers(1, 100), st.sampled_from(["ms", "s", "m", "h"]))
def test_a_thousand_ms_sixty_s_and_sixty_m_are_one_of_the_next(number: int, unit: str) -> None:
    larger = {"ms": (1000, "s"), "s": (60, "m"), "m": (60, "h"), "h": (1, "h")}
    factor, name = larger[unit]
    assert duration_s(f"{number * factor}{unit}") == pytest.approx(duration_s(f"{number}{name}"))


@settings(max_examples=200)
@given(st.text(max_size=8))
def test_any_words_give_a_positive_duration_or_bad_input(words: str) -> None:
    try:
        seconds = duration_s(words)
    except BadInput:
        return
    assert 0 < seconds < float("inf")
