"""The interval of a sum lies between that of independent errors and that of equal ones."""

from math import hypot

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moeprof.costmodel.layer.interval import interval_of_sum
from moeprof.store.cost_model import IntervalScores


def scores(shared: float, turns_95: float | None = None) -> IntervalScores:
    return IntervalScores("any", 0, {}, shared=shared, turns_95=turns_95)


def test_calls_of_one_operation_err_alike() -> None:
    parts = [("fc1", 4, 20.0, 17.0, 24.0)]
    assert interval_of_sum(parts, scores(0.2)) == pytest.approx((80.0, 68.0, 96.0))


@given(
    st.lists(st.tuples(st.floats(1, 100), st.floats(0.01, 0.9)), min_size=2, max_size=6),
    st.floats(0, 1),
    st.floats(0, 0.2),
)
def test_operations_err_less_than_all_at_once_and_more_than_each_by_itself(
    values: list[tuple[float, float]], shared: float, turns_95: float
) -> None:
    parts = [
        (f"op{place}", 1, value, value * (1 - half), value * (1 + half))
        for place, (value, half) in enumerate(values)
    ]
    total, low, high = interval_of_sum(parts, scores(shared, turns_95))
    halves = [value * max(half, turns_95) for value, half in values]
    assert total == pytest.approx(sum(value for value, _ in values))
    assert hypot(*(value * half for value, half in values)) <= high - total + 1e-9
    assert total - low <= sum(halves) + 1e-9
