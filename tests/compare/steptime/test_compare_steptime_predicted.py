"""Rows are grouped by what they are of, and by time."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.compare.steptime.predicted import later, together
from moeprof.tests.compare.steptime.predictions import predictions


def test_rows_are_grouped_by_kind_workload_source_gpu_and_time() -> None:
    groups = predictions().groupings()
    assert list(groups) == ["kind", "workload", "source", "GPU", "time"]
    assert set(groups["kind"].tolist()) == {"dense models", "MoE models"}
    assert np.unique(groups["time"], return_counts=True)[1].tolist() == [102, 26]


def test_parts_of_the_rows_become_one_with_the_group_that_each_left_out() -> None:
    whole = predictions()
    places = [np.arange(64, 128), np.arange(8)]
    parts = [
        replace(
            whole,
            rows=whole.rows.taken(at),
            predicted=whole.predicted[at],
            measured=whole.measured[at],
            factor=np.full(len(at), 1.5),
            baselines={"roofline": whole.baselines["roofline"][at]},
        )
        for at in places
    ]
    found = together(whole.rows, list(zip(("a", "b"), places, parts, strict=True)))
    assert found.rows.name.tolist() == [*map(str, range(64, 128)), *map(str, range(8))]
    assert found.predicted.tolist() == whole.predicted[np.concatenate(places)].tolist()
    assert found.left_out is not None
    assert found.left_out.tolist() == ["a"] * 64 + ["b"] * 8
    assert list(found.groupings())[-1] == "left out"
    lacks = replace(parts[1], factor=None, baselines={})
    some = together(whole.rows, [("a", places[0], parts[0]), ("b", places[1], lacks)])
    assert (some.factor, some.baselines) == (None, {})


def test_the_last_fifth_is_told_among_rows_that_have_a_time() -> None:
    parts = later(np.asarray([5.0, 1.0, np.nan, 2.0, 3.0, 4.0]))
    assert parts.tolist() == pytest.approx([1, 0, np.nan, 0, 0, 0], nan_ok=True)


def test_rows_of_one_time_stay_together_and_one_time_alone_has_no_later_part() -> None:
    assert later(np.asarray([1.0, 1.0, 2.0, 2.0, 2.0])).tolist() == [0, 0, 1, 1, 1]
    assert later(np.full(4, 7.0)).tolist() == [0, 0, 0, 0]
    assert np.isnan(later(np.full(3, np.nan))).all()


@given(st.lists(st.integers(0, 9), min_size=2, max_size=60))
def test_no_earlier_row_is_later_than_a_later_one(times: list[int]) -> None:
    values = np.asarray(times, dtype=np.float64)
    parts = later(values)
    if (parts == 1).any():
        assert values[parts == 0].max() < values[parts == 1].min()
