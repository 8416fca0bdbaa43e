"""A wrong cell is named by file, column and row."""

from pathlib import Path
from typing import Any

import pytest

from moeprof.costmodel.imported.cells import Cells, rows_of
from moeprof.store.errors import BadInput

PATH = Path("table.parquet")
NAN, INF = float("nan"), float("inf")


def cell(value: Any) -> Cells:
    return Cells(PATH, 3, {"it": value})


@pytest.mark.parametrize(("value", "whole"), [(128, 128), (128.0, 128), (1, 1), (2**24, 2**24)])
def test_a_whole_number_may_have_a_point(value: float, whole: int) -> None:
    assert cell(value).whole("it") == whole


@pytest.mark.parametrize(
    "value", [None, NAN, INF, 0, -1, 1.5, "128", True, 2**24 + 1, 10**400, [1], b"1"]
)
def test_what_is_no_size_is_named(value: Any) -> None:
    with pytest.raises(BadInput, match=r"table\.parquet: column 'it' is .* in row 3, and must be"):
        cell(value).whole("it")


@pytest.mark.parametrize("value", [None, NAN, "", " ", 7, b"H200", "two\nlines", "x" * 201])
def test_what_is_no_name_is_named(value: Any) -> None:
    with pytest.raises(BadInput, match=r"column 'it' is .* in row 3, and must be a name"):
        cell(value).text("it")


def test_a_duration_is_converted_to_us() -> None:
    assert cell(0.25).duration_us("it") == 250.0
    assert cell(2).duration_us("it") == 2000.0


@pytest.mark.parametrize("value", [None, NAN, INF, 0, -0.1, "OOM", True, 1e300, 5e-324])
def test_what_is_no_duration_is_named(value: Any) -> None:
    with pytest.raises(BadInput, match="in row 3, and must be a duration"):
        cell(value).duration_us("it")


@pytest.mark.parametrize("value", [None, NAN, 0, 0.0, -1.0, -INF])
def test_power_that_was_not_measured_is_none(value: Any) -> None:
    if value == -INF:
        with pytest.raises(BadInput):
            cell(value).power_w("it")
    else:
        assert cell(value).power_w("it") is None


def test_a_table_without_the_column_has_no_power() -> None:
    assert cell(1).power_w("power") is None


@pytest.mark.parametrize("value", ["n/a", "380.1", True, INF, 380_100.0, 0.3801])
def test_what_is_no_power_of_a_gpu_in_w_is_named(value: Any) -> None:
    with pytest.raises(BadInput, match="in row 3, and must be the power of a GPU"):
        cell(value).power_w("it")


def test_rows_count_from_1() -> None:
    rows = list(rows_of(PATH, {"a": [1, 2], "b": ["x", "y"]}))
    assert [(row.row, row.values) for row in rows] == [
        (1, {"a": 1, "b": "x"}),
        (2, {"a": 2, "b": "y"}),
    ]
