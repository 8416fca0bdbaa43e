"""Values of an event: times are exact, and what is no number is None."""

from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.parsers.kineto.cells import (
    TIME_LIMIT_NS,
    axes,
    finite_number,
    time_ns,
    whole_number,
)


@pytest.mark.parametrize(
    ("cell", "expected_ns"),
    [
        ("1753800000123456.789", 1_753_800_000_123_456_789),
        ("0.001", 1),
        ("5.5", 5500),
        ("-0.5", -500),
        (12, 12_000),
        (-3, -3000),
        ("12", 12_000),
        ("1.5e3", 1_500_000),
        ("1E-3", 1),
        ("2.0005", 2000),  # half to even
        ("2.0015", 2002),
        ("5.249999999999", 5250),
        (" 7 ", 7000),
    ],
)
def test_a_time_is_read_to_the_nanosecond(cell: object, expected_ns: int) -> None:
    assert time_ns(cell) == expected_ns


@pytest.mark.parametrize(
    "cell",
    [None, True, "soon", "", "1e400", "1e99999", "1_000", 10**30, "9" * 400, "NaN", [1], {}],
)
def test_what_is_no_time_within_a_century_is_none(cell: object) -> None:
    assert time_ns(cell) is None


@given(
    whole=st.integers(-(10**15) * 2, 10**15 * 2),
    decimals=st.text("0123456789", min_size=1, max_size=9),
)
def test_any_decimal_is_rounded_as_decimals_are(whole: int, decimals: str) -> None:
    text = f"{whole}.{decimals}"
    exact = (Decimal(text) * 1000).to_integral_value(ROUND_HALF_EVEN)
    assert time_ns(text) == int(exact)


def test_three_times_fit_in_64_bits() -> None:
    assert 3 * TIME_LIMIT_NS < 2**63
    assert time_ns(TIME_LIMIT_NS // 1000) is None
    assert time_ns(TIME_LIMIT_NS // 1000 - 1) == TIME_LIMIT_NS - 1000


@pytest.mark.parametrize(
    ("cell", "expected"),
    [(7, 7), ("7", 7), (40.0, 40), ("40.0", 40), (-1, -1), (2**63 - 1, 2**63 - 1),
     (2**63, None), (40.5, None), ("stream 7", None), (True, None), (None, None), ([7], None),
     (float("inf"), None), (float("nan"), None), (1e300, None), ("1e300", None)],
)  # fmt: skip
def test_a_whole_number_may_be_a_float_or_a_text(cell: object, expected: int | None) -> None:
    assert whole_number(cell) == expected


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (30, 30.0),
        ("31.5", 31.5),
        (float("nan"), None),
        (10**400, None),
        ("inf", None),
        (None, None),
    ],
)
def test_a_finite_number(cell: object, expected: float | None) -> None:
    assert finite_number(cell) == expected


@pytest.mark.parametrize(
    ("cell", "expected"),
    [([4, 1, 1], [4, 1, 1]), ("[4, 1, 1]", [4, 1, 1]), (["4", 1.0, 1], [4, 1, 1]), ([4, 1], None),
     ([4, 1, None], None), ([2**31, 1, 1], None), ("4x1x1", None), (4, None), (None, None)],
)  # fmt: skip
def test_sizes_along_three_axes(cell: object, expected: list[int] | None) -> None:
    assert axes(cell) == expected
