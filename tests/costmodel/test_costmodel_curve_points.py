"""Points are grouped into curves and surfaces; a group of too few has a reason."""

from typing import Any

import pytest

from moeprof.costmodel.curve_points import measured_curves, without_rows
from moeprof.costmodel.rows import Row
from moeprof.store.errors import BadInput


def row(tokens: int, **more: Any) -> Row:
    throughout: Row = {
        "curve": "fc1-8x4",
        "op": "fc1",
        "role": "fit",
        "failure": None,
        "tokens": tokens,
        "latency_us": 10.0 + tokens,
        "active_experts": None,
        "top_k": None,
        "signature": None,
        "flops": 64 * tokens,
        "bytes_moved": 4 * (32 + 12 * tokens),
    }
    return throughout | more


def test_knots_and_calibration_points_are_apart_until_they_are_whole() -> None:
    rows = [row(64), row(1), row(32, role="calibration")]
    (curve,), missing = measured_curves(rows)
    assert (curve.name, curve.op, missing) == ("fc1-8x4", "fc1", {})
    assert curve.tokens.tolist() == [1, 64]
    assert curve.latency_us.tolist() == [11.0, 74.0]
    scored = curve.scored("linear")
    assert scored.calibration_tokens.tolist() == [32]
    assert curve.whole.tokens.tolist() == [1, 32, 64]
    assert curve.whole.calibration == []


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([row(1)], "1 of 1 points measured, and a curve needs two"),
        ([row(1), row(9, failure="out of memory", latency_us=None)], "two: out of memory"),
        ([row(1, role="calibration"), row(2, role="calibration")], "0 of 0 points measured"),
    ],
)
def test_a_curve_of_fewer_than_two_knots_says_why(rows: list[Row], reason: str) -> None:
    found, missing = measured_curves(rows)
    assert found == []
    assert reason in missing["fc1", "fc1-8x4"]


def test_points_over_active_experts_are_one_surface() -> None:
    rows = [
        row(tokens, curve=f"moe-8x4-a{experts}-k2", active_experts=experts, top_k=2)
        for tokens in (4, 8, 64)
        for experts in (2, 4)
    ]
    (surface,), _ = measured_curves(rows)
    assert (surface.name, surface.is_surface, len(surface.knots)) == ("moe-8x4-k2", True, 6)
    found, missing = measured_curves(rows[:3])
    assert found == []
    assert "3 points do not span tokens and active experts" in missing["fc1", "moe-8x4-k2"]


def test_a_planned_curve_is_known_by_its_name_or_by_that_of_its_surface() -> None:
    planned = {"fc1-8x4": "fc1", "moe-8x4-a2-k2": "moe", "moe-8x4-a4-k2": "moe"}
    assert without_rows(planned, ["fc1-8x4", "moe-8x4-k2"]) == {}
    assert list(without_rows(planned, ["moe-8x4-a2-k2"])) == [
        ("fc1", "fc1-8x4"),
        ("moe", "moe-8x4-a4-k2"),
    ]


def test_points_at_one_number_of_active_experts_are_a_curve() -> None:
    rows = [row(b, curve="moe-8x4-a2-k2", active_experts=2, top_k=2) for b in (4, 8)]
    (curve,), _ = measured_curves(rows)
    assert (curve.name, curve.is_surface) == ("moe-8x4-a2-k2", False)


def test_knots_are_numbered_where_every_one_has_a_trace() -> None:
    rows = [row(1, signature="a"), row(8, signature="b"), row(64, signature="a")]
    (curve,), _ = measured_curves(rows)
    assert curve.segments is not None
    assert curve.segments.tolist() == [0, 1, 0]
    (curve,), _ = measured_curves([*rows, row(9)])
    assert curve.segments is None


@pytest.mark.parametrize(
    ("bytes_fixed", "family"), [(10**6, "weights"), (0, "activations"), (None, "fc1")]
)
def test_the_family_follows_from_the_bytes_that_a_call_reads(
    bytes_fixed: int | None, family: str
) -> None:
    rows = [
        row(b, bytes_moved=None if bytes_fixed is None else bytes_fixed + 4 * b) for b in (1, 9)
    ]
    (curve,), _ = measured_curves(rows)
    assert curve.family == family
    assert (curve.work is None) == (bytes_fixed is None)


def test_an_invalid_row_is_refused() -> None:
    with pytest.raises(BadInput, match="two latencies at batch size 1"):
        measured_curves([row(1), row(1, latency_us=5.0)])
