"""Rows are checked and rounded before they become knots."""

from math import exp, inf, nan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moeprof.costmodel.rows import (
    Row,
    checked_knots,
    half_widths_95,
    one_value,
    positive,
    rounded,
)
from moeprof.store.errors import BadInput


def row(tokens: int | None, latency_us: float | None, **more: Any) -> Row:
    bounds = {"latency_us_lo": None, "latency_us_hi": None}
    return {"tokens": tokens, "latency_us": latency_us, "active_experts": None} | bounds | more


def test_knots_ascend_and_keep_six_digits() -> None:
    knots = checked_knots("fc1", [row(4, 2.00000049), row(1, 1.0), row(4, 2.00000049)])
    assert [(knot["tokens"], knot["latency_us"]) for knot in knots] == [(1, 1.0), (4, 2.0)]


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([row(0, 1.0)], "fc1 has a point at batch size 0; the smallest is 1"),
        ([row(None, 1.0)], "batch size None"),
        ([row(3, None)], "neither a latency nor a failure at batch size 3"),
        ([row(3, nan)], "latency_us of fc1 at batch size 3 is nan"),
        ([row(3, -1.0)], "is -1.0, and it must be positive"),
        ([row(3, 0.0)], "is 0.0, and"),
        ([row(3, inf)], "is inf, and"),
        ([row(3, 1e16)], "above 1e-09 and below 1e\\+15"),
        ([row(3, 1e-12)], "above 1e-09 and below 1e\\+15"),
        ([row(3, 1.0), row(3, 1.1)], "two latencies at batch size 3: 1.0 and 1.1 us"),
    ],
)
def test_an_invalid_row_is_refused(rows: list[Row], complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint):
        checked_knots("fc1", rows)


def test_one_size_at_several_active_experts_is_several_knots() -> None:
    rows = [row(3, 2.0, active_experts=8), row(3, 1.0, active_experts=2)]
    assert [knot["active_experts"] for knot in checked_knots("moe", rows)] == [2, 8]


def test_unmeasured_stays_none() -> None:
    assert positive("fc1", {"tokens": 1, "energy_mj": None}, "energy_mj") is None


@settings(max_examples=50)
@given(
    st.floats(1e-3, 1e6),
    st.floats(0, 2),
    st.floats(0, 2),
)
def test_a_half_width_is_that_of_the_longer_side(
    latency_us: float, below: float, above: float
) -> None:
    low, high = latency_us / exp(below), latency_us * exp(above)
    kept = rounded(latency_us)
    (half,) = half_widths_95("fc1", [row(1, kept, latency_us_lo=low, latency_us_hi=high)]) or ()
    assert half is not None
    assert kept / exp(half) <= low
    assert high <= kept * exp(half)
    assert half <= max(below, above) + 2e-4


def test_without_any_interval_there_is_no_half_width() -> None:
    assert half_widths_95("fc1", [row(1, 1.0), row(2, 1.0)]) is None
    known = row(2, 1.0, latency_us_lo=1.0, latency_us_hi=1.0)
    assert half_widths_95("fc1", [row(1, 1.0), known]) == (None, 0.0)


def test_repeats_that_do_not_agree_widen_the_interval_to_their_difference() -> None:
    close = {"latency_us_lo": 0.99, "latency_us_hi": 1.01, "repeat_difference": 0.2}
    apart, agreed, alone = (
        row(1, 1.0, **close, agreeing=1),
        row(2, 1.0, **close, agreeing=2),
        row(3, 1.0, repeat_difference=0.2, agreeing=1),
    )
    halves = half_widths_95("fc1", [apart, agreed, alone])
    assert halves == pytest.approx((0.2, 0.0101, 0.2), abs=1e-4)


@pytest.mark.parametrize("bounds", [(2.0, 3.0), (0.5, 0.9), (-1.0, 2.0), (0.5, inf), (nan, 2.0)])
def test_an_interval_that_does_not_hold_its_latency_is_refused(
    bounds: tuple[float, float],
) -> None:
    point = row(7, 1.0, latency_us_lo=bounds[0], latency_us_hi=bounds[1])
    with pytest.raises(BadInput, match="interval of fc1 at batch size 7"):
        half_widths_95("fc1", [point])


@pytest.mark.parametrize(
    ("values", "complaint"),
    [(["hot", "cold"], "fc1 mixes two values of l2: hot and cold"), ([None, None], "without its")],
)
def test_rows_of_one_curve_share_the_columns_of_its_identity(
    values: list[Any], complaint: str
) -> None:

    with pytest.raises(BadInput, match=complaint):
        one_value("fc1", [{"l2": value} for value in values], "l2")
