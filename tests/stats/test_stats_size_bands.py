"""Each batch size lies in one band."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.stats.size_bands import BANDS, band_of


def test_the_bands_by_name() -> None:
    assert [band.name for band in BANDS] == ["1-8", "9-64", "65+"]


@pytest.mark.parametrize(
    ("tokens", "name"), [(1, "1-8"), (8, "1-8"), (9, "9-64"), (64, "9-64"), (65, "65+")]
)
def test_the_edges_belong_to_the_band_that_names_them(tokens: int, name: str) -> None:
    assert band_of(tokens).name == name


@given(st.integers(1, 10**9))
def test_every_size_lies_in_one_band(tokens: int) -> None:
    assert sum(tokens in band for band in BANDS) == 1


def test_no_size_below_1() -> None:
    with pytest.raises(ValueError, match="no band"):
        band_of(0)
