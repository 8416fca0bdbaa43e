"""A column has the requested type throughout; what does not fit is null and counted."""

from typing import Any

import pyarrow as pa
import pytest

from moeprof.parsers.messages import TraceWarning
from moeprof.parsers.nsys.cells import REPLACEMENT, BadCells, is_typed

PLACE = "T.a"


@pytest.mark.parametrize(
    ("values", "type_", "expected"),
    [
        (pa.array([1, None], pa.uint32()), pa.int64(), [1, None]),
        (pa.array([2**53 + 1], pa.int64()), pa.float64(), [2.0**53]),
        (pa.array([0.5], pa.float32()), pa.float64(), [0.5]),
        (pa.array(["x", None]), pa.string(), ["x", None]),
        (pa.array([None, None], pa.string()), pa.int64(), [None, None]),
        (pa.array([], pa.string()), pa.int64(), []),
    ],
)
def test_numbers_are_widened_and_nulls_have_any_type(
    values: Any, type_: pa.DataType, expected: list[object]
) -> None:
    column, bad_cells = pa.chunked_array([values]), BadCells()
    assert is_typed(column, type_)
    typed = bad_cells.typed(column, type_, PLACE)
    assert (typed.type, typed.to_pylist()) == (type_, expected)
    assert bad_cells.sentences("t") == []


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        (pa.array(["1"]), pa.int64()),
        (pa.array([1.0]), pa.int64()),
        (pa.array([1]), pa.string()),
        (pa.array([b"x"]), pa.string()),
    ],
)
def test_a_column_of_another_type_is_not_typed(values: Any, type_: pa.DataType) -> None:
    assert not is_typed(pa.chunked_array([values]), type_)


def test_an_integer_that_is_too_large_is_null_and_counted() -> None:
    bad_cells = BadCells()
    column = pa.chunked_array([[1, 2**31, None, -(2**31)], [-(2**31) - 1]])
    typed = bad_cells.typed(column, pa.int32(), PLACE)
    assert (typed.type, typed.to_pylist()) == (pa.int32(), [1, None, None, -(2**31), None])
    (sentence,) = bad_cells.sentences("t")
    assert sentence == f"t: 2 {TraceWarning.BAD_CELLS}: 2 in T.a (not int32)"


@pytest.mark.parametrize(
    ("values", "type_", "expected", "bad"),
    [
        ([1, None, "x", 2.5, b"\0", 2.0], pa.int64(), [1, None, None, None, None, 2], 3),
        ([2**40, 1e300, float("inf"), -7], pa.int32(), [None, None, None, -7], 3),
        ([1, 0.5, "x", None], pa.float64(), [1.0, 0.5, None, None], 1),
        (["a", None, 1, b"a"], pa.string(), ["a", None, None, None], 2),
        ([], pa.string(), [], 0),
    ],
)
def test_cells_of_another_type_are_null_and_counted(
    values: list[object], type_: pa.DataType, expected: list[object], bad: int
) -> None:
    bad_cells = BadCells()
    mended = bad_cells.mended(values, type_, PLACE)
    assert (mended.type, mended.to_pylist()) == (type_, expected)
    assert [f" {bad} in {PLACE}" in each for each in bad_cells.sentences("t")] == [True] * bool(bad)


def test_text_that_is_no_utf8_is_read_with_replacements() -> None:
    raw = pa.array([b"gem\xff", b"ok", None]).view(pa.string())
    bad_cells = BadCells()
    column = bad_cells.typed(pa.chunked_array([raw]), pa.string(), PLACE)
    assert column.to_pylist() == [f"gem{REPLACEMENT}", "ok", None]
    assert bad_cells.replaced
    assert bad_cells.sentences("t") == []
