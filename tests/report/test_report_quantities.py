import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.report.quantities import (
    batch_sizes,
    between,
    count,
    latency,
    percent,
    significant,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.01234567, "0.01235"), (41.2, "41.20"), (1310.46, "1,310"), (-2.5, "-2.500")],
)
def test_numbers_have_four_digits_and_no_exponent(value: float, text: str) -> None:
    assert significant(value) == text


@given(st.floats(min_value=1e-5, max_value=1e12))
@settings(max_examples=50)
def test_written_numbers_are_right_to_four_digits(value: float) -> None:
    text = significant(value)
    assert text is not None
    assert float(text.replace(",", "")) == pytest.approx(value, rel=6e-4)


def test_unmeasured_stays_none() -> None:
    assert significant(None) is percent(None) is between(1.0, None) is between(None, 1.0) is None


@pytest.mark.parametrize(
    ("latency_us", "text"),
    [(0.5, "0.5000 µs"), (41.2, "41.20 µs"), (1310, "1.310 ms"), (2e6, "2.000 s")],
)
def test_latency_takes_its_own_unit(latency_us: float, text: str) -> None:
    assert latency(latency_us) == text


def test_percent_and_counts() -> None:
    assert [percent(x) for x in (0.0123, -0.5, 1.0, 12.3, -1e-6)] == [
        "1.23 %",
        "-50.00 %",
        "100 %",
        "1,230 %",
        "0.00 %",
    ]
    assert (count(1, "point"), count(2, "point")) == ("1 point", "2 points")


@pytest.mark.parametrize(
    ("sizes", "text"),
    [
        ([], ""),
        ([7], "7"),
        ([1, 2], "1,2"),
        (range(1, 513), "1..512"),
        (range(1, 506, 8), "1..505:8"),
        ([1, 2, 4, 8, 9, 10, 11, 64], "1,2,4,8..11,64"),
        ([10, 20, 30], "10,20,30"),
    ],
)
def test_batch_sizes_as_the_command_line_writes_them(sizes: list[int], text: str) -> None:
    assert batch_sizes(sizes, ",") == text


@given(st.sets(st.integers(1, 300)).map(sorted))
@settings(max_examples=100)
def test_no_size_is_lost_or_added(sizes: list[int]) -> None:
    assert read_back(batch_sizes(sizes)) == sizes


def read_back(text: str) -> list[int]:
    sizes: list[int] = []
    for part in filter(None, text.split(", ")):
        ends, _, step = part.partition(":")
        first, _, last = ends.partition("..")
        sizes += range(int(first), int(last or first) + 1, int(step or 1))
    return sizes
