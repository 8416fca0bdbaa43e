"""A row has one column for each of its fields."""

from dataclasses import fields

import pyarrow as pa

from moeprof.store.serving.serving_row import SERVING_SCHEMA, ServingRow, columns_of_rows


def test_columns_have_the_types_of_the_fields() -> None:
    assert SERVING_SCHEMA.names == [field.name for field in fields(ServingRow)]
    kinds = [SERVING_SCHEMA.field(name).type for name in ("model", "tp", "batch", "itl_is_step")]
    assert kinds == [pa.string(), pa.int64(), pa.float64(), pa.bool_()]
    assert SERVING_SCHEMA.field("batch_kind").type == pa.string()


def test_what_is_unknown_is_null() -> None:
    columns = columns_of_rows([ServingRow(source="s", row_id="r", tp=2)])
    assert (columns["source"], columns["tp"], columns["batch"]) == (["s"], [2], [None])
    assert pa.table(columns, schema=SERVING_SCHEMA).num_rows == 1
