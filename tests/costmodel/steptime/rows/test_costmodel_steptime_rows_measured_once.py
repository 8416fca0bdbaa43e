"""Rows have one order, and one that repeats another is there once."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from moeprof.costmodel.steptime.rows.measured_once import measured_once

TABLE: dict[str, list[Any]] = {
    "source": ["b", "a", "a", "b", "b"],
    "row_id": ["1", "2", "1", "3", "2"],
    "model": ["m", "m", "m", "m", "m"],
    "tpot_ms": [10.0, 20.0, 10.0, 20.0, None],
    "note": ["", "x", "y", "", ""],
}


@given(st.permutations(range(5)))
def test_any_order_gives_the_same_rows(order: list[int]) -> None:
    found, repeated = measured_once(
        {name: [values[at] for at in order] for name, values in TABLE.items()}
    )
    names = list(zip(found["source"], found["row_id"], strict=True))
    assert names == [("a", "1"), ("a", "2"), ("b", "2")]
    assert found["tpot_ms"] == [10.0, 20.0, None]
    assert repeated == 2


def test_power_that_one_row_alone_has_makes_it_another_measurement() -> None:
    found, repeated = measured_once(TABLE | {"power_w": [None, None, 300.0, None, None]})
    assert (len(found["row_id"]), repeated) == (4, 1)


def test_a_table_without_rows_has_none() -> None:
    assert measured_once({name: [] for name in TABLE}) == ({name: [] for name in TABLE}, 0)
