"""A column that is read has the requested type throughout, or its place is named."""

from typing import Any

import pyarrow as pa
import pytest

from moeprof.parsers.nsys.columns import Column, checked, no_rows
from moeprof.store.errors import BadInput


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
    column = checked(pa.chunked_array([values]), type_, "here")
    assert (column.type, column.to_pylist()) == (type_, expected)


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        (pa.array(["1"]), pa.int64()),
        (pa.array([1.0]), pa.int64()),
        (pa.array([1]), pa.string()),
        (pa.array([2**40]), pa.int32()),
    ],
)
def test_any_other_value_is_refused_with_its_place(values: Any, type_: pa.DataType) -> None:
    with pytest.raises(BadInput, match=f"^here is not {type_} throughout"):
        checked(pa.chunked_array([values]), type_, "here")


def test_no_rows_have_the_types_of_their_columns() -> None:
    table = no_rows({"a": Column(("a",), pa.int64()), "b": Column((), pa.string())})
    assert (table.num_rows, table.schema.types) == (0, [pa.int64(), pa.string()])
