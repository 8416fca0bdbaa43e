"""Numbers with decimal points or commas, thousands marks and units."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.energy.meter_csv.numbers import decimal_marks, numbers_and_units, values
from moeprof.store.errors import BadInput

PATH = Path("meter.csv")


def read(*cells: str, separator: str = ";") -> list[float]:
    text, _ = numbers_and_units(pd.Series(cells, dtype=str))
    mark, *_ = decimal_marks(PATH, [text], separator)
    return list(values(text, mark))


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (("1.5", "2"), [1.5, 2]),
        (("1,5", "2"), [1.5, 2]),
        (("1.100,5", "1.102"), [1100.5, 1102]),
        (("1,100.5", "1,102"), [1100.5, 1102]),
        (("1.234.567", "1.234"), [1234567, 1234]),
        (("0.125", "1.250"), [0.125, 1.25]),
        (("100.125", "101.250"), [100.125, 101.25]),
        (("1234.567", "2"), [1234.567, 2]),
        (("1 234,5", "1'000"), [1234.5, 1000]),
        (("-1,5e3", "+2"), [-1500, 2]),
        (("12.34 W", "7W"), [12.34, 7]),
    ],
)
def test_the_marks_of_a_file_are_those_of_one_grammar(
    cells: tuple[str, ...], numbers: list[float]
) -> None:
    assert read(*cells) == pytest.approx(numbers)


@pytest.mark.parametrize("cells", [("1.5", "1,5"), ("1.234.567", "1,234,567")])
def test_marks_of_two_grammars_are_refused(cells: tuple[str, ...]) -> None:
    with pytest.raises(BadInput):
        read(*cells)


@pytest.mark.parametrize("cells", [("950", "1.020"), ("5,101", "5,102"), ("1.020", "10,050")])
def test_marks_before_three_digits_alone_may_be_either(cells: tuple[str, ...]) -> None:
    assert decimal_marks(PATH, [pd.Series(cells)], ";") == (".", ",")


def test_numbers_without_a_mark_have_one_reading() -> None:
    assert decimal_marks(PATH, [pd.Series(["5101", "12"])], ";") == (".",)


def test_a_point_between_commas_is_decimal() -> None:
    assert read("950", "1.020", separator=",") == [950, 1.02]


@pytest.mark.parametrize("cell", ["", "[N/A]", "OL", "1.2.3", "1,5,2", ".", "1 W 2", "--1"])
def test_what_is_no_number_is_nan(cell: str) -> None:
    assert np.isnan(read("0.5", cell)[1])


@given(numbers=st.lists(st.floats(1000, 9e6), min_size=2), german=st.booleans())
def test_a_number_is_read_as_its_locale_wrote_it(numbers: list[float], german: bool) -> None:
    written = [f"{number:,.2f}" for number in numbers]
    if german:
        written = [text.translate(str.maketrans(",.", ".,")) for text in written]
    assert read(*written) == [round(number, 2) for number in numbers]
