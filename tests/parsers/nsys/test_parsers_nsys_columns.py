"""Columns that are asked of an export."""

import pyarrow as pa

from moeprof.parsers.nsys.columns import Column, no_rows


def test_no_rows_have_the_types_of_their_columns() -> None:
    table = no_rows({"a": Column(("a",), pa.int64()), "b": Column((), pa.string())})
    assert (table.num_rows, table.schema.types) == (0, [pa.int64(), pa.string()])
