"""Columns of a trace as arrays."""

import numpy as np
import pyarrow as pa

from moeprof.parsers.events import Spans, int64_column


def test_nulls_are_replaced_by_the_value_for_missing() -> None:
    table = pa.table({"a": pa.array([1, None], pa.int32())})
    assert int64_column(table, "a").tolist() == [1, -1]
    assert int64_column(table, "a", missing=7).tolist() == [1, 7]
    assert int64_column(table.slice(0, 0), "a").dtype == np.int64


def test_spans_are_taken_by_index() -> None:
    spans = Spans(np.asarray([1, 2, 3]), np.asarray([4, 5, 6]), np.asarray([7, 8, 9]))
    assert spans.take(np.asarray([2, 0])).start_ns.tolist() == [3, 1]
    assert len(spans) == 3
