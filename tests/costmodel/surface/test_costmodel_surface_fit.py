"""A routed operation is exact at its points, and follows its experts' weights between them."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moeprof.costmodel.curve.extrapolation import OutOfRange
from moeprof.costmodel.surface.costs import SurfaceCosts
from moeprof.costmodel.surface.fit import can_fit, fit_surface, left_out_errors
from moeprof.costmodel.surface.prediction import evaluate
from moeprof.store.errors import BadInput

TOP_K = 2


def moe_us(tokens: int, experts: int) -> float:
    return 3.0 + 6 * experts + 0.1 * tokens + 0.2 * max(0, tokens * TOP_K / experts - 16)


def point(tokens: int, experts: int) -> dict[str, Any]:
    names = (
        *("weight_bits", "group_size", "latency_us_lo", "latency_us_hi", "marks"),
        *("energy_mj", "energy_mj_ci95", "energy_reason", "idle_power_w"),
    )
    return dict.fromkeys(names) | {
        "op": "moe",
        "shape": [64, 32],
        "dtype": "bfloat16",
        "experts": 32,
        "active_experts": experts,
        "top_k": TOP_K,
        "l2": "cold",
        "regime": "burst",
        "latency_source": "kernel",
        "tokens": tokens,
        "latency_us": moe_us(tokens, experts),
    }


POINTS = [point(b, a) for b in (8, 32, 128, 512) for a in (4, 8, 16)]


def test_the_interval_at_a_point_is_no_narrower_than_its_own() -> None:
    noisy = [row | {"latency_us_lo": row["latency_us"] / 1.5, "latency_us_hi": row["latency_us"]}
             for row in POINTS]  # fmt: skip
    cost = SurfaceCosts(fit_surface("moe", noisy)).cost(32, 8)
    assert cost.latency_us_lo <= moe_us(32, 8) / 1.5
    plain = SurfaceCosts(fit_surface("moe", POINTS)).cost(32, 8)
    assert plain.latency_us_lo > cost.latency_us_lo


def test_every_measured_point_is_exact() -> None:
    surface = fit_surface("moe", POINTS)
    for row in POINTS:
        told = evaluate(surface, row["tokens"], row["active_experts"])
        assert told == pytest.approx(row["latency_us"], rel=1e-9)


def test_what_the_terms_describe_is_found_between_the_points() -> None:
    surface = fit_surface("moe", POINTS)
    for tokens, experts in ((20, 6), (64, 12), (300, 5)):
        assert evaluate(surface, tokens, experts) == pytest.approx(
            moe_us(tokens, experts), rel=0.01
        )
    assert surface.error.n == len(POINTS)
    assert surface.error.median == pytest.approx(0, abs=0.01)


def test_points_that_span_no_surface_cannot_be_fitted() -> None:
    assert can_fit(POINTS)
    assert not can_fit(POINTS[:5])
    assert not can_fit([point(b, 4) for b in range(1, 9)])
    assert not can_fit([point(8, a) for a in range(1, 9)])


def test_a_cost_says_whether_it_was_measured_and_whose_share_is_whose() -> None:
    costs = SurfaceCosts(fit_surface("moe", POINTS))
    knot, between, beyond = costs.cost(8, 4), costs.cost(20, 6), costs.cost(1024, 16)
    assert (knot.measured, between.measured, beyond.extrapolated) == (True, False, True)
    assert (between.tokens, between.assignments) == (20, 40)
    assert between.latency_us_lo < between.latency_us < between.latency_us_hi
    assert beyond.latency_us_hi / beyond.latency_us > between.latency_us_hi / between.latency_us
    assert costs.cost(20, 6) is between


@pytest.mark.parametrize(("tokens", "experts"), [(1, 3), (8, 1), (8, 17), (512, 33)])
def test_experts_that_the_routing_cannot_reach_are_refused(tokens: int, experts: int) -> None:
    with pytest.raises(BadInput, match="active experts cannot be"):
        SurfaceCosts(fit_surface("moe", POINTS)).cost(tokens, experts)


def test_too_far_from_what_was_measured_is_a_miss() -> None:
    with pytest.raises(OutOfRange, match="more than 4 doublings"):
        SurfaceCosts(fit_surface("moe", POINTS)).cost(100_000, 16)


def test_left_out_points_of_a_public_table_are_predicted() -> None:
    root = os.environ.get("MOEPROF_SAMPLE_DATA")
    if root is None:
        pytest.skip("MOEPROF_SAMPLE_DATA is not set")
    pandas = pytest.importorskip("pandas")
    table = pandas.read_parquet(Path(root) / "ops" / "llmservingsim_moe_2d.parquet")
    columns = (table.m.to_numpy(), table.activated_experts.to_numpy(), table.t_us.to_numpy())
    errors = np.expm1(left_out_errors(*columns, int(table.topk.iloc[0])))
    assert np.median(errors) <= 0.045
    assert np.quantile(errors, 0.95) <= 0.16


def test_intervals_come_from_points_to_calibrate_where_they_are_enough() -> None:
    unseen = [point(b, a) for b in (16, 64, 100, 200, 300) for a in (5, 8, 12, 16)]
    off = [row | {"latency_us": 1.1 * row["latency_us"]} for row in unseen]
    calibrated, few = fit_surface("moe", POINTS, off), fit_surface("moe", POINTS, off[:10])
    assert calibrated.half_widths["95"] == pytest.approx(np.log(1.1), abs=0.01)
    assert few.half_widths == fit_surface("moe", POINTS).half_widths


def test_an_interval_at_a_lower_coverage_is_narrower() -> None:
    noisy = [row | {"latency_us": row["latency_us"] * (1 + 0.1 * (place % 3))}
             for place, row in enumerate(POINTS)]  # fmt: skip
    costs = SurfaceCosts(fit_surface("moe", noisy))
    bounds = [costs.interval_us(20, 6, percent) for percent in (50, 80, 95)]
    assert bounds[0][0] > bounds[1][0] > bounds[2][0]
    cost = costs.cost(20, 6)
    assert bounds[2] == pytest.approx((cost.latency_us_lo, cost.latency_us_hi))


def test_a_cost_near_a_point_that_bears_a_mark_is_doubtful() -> None:
    marked = [row | {"marks": "spread 30 %" if place == 0 else None}
              for place, row in enumerate(POINTS)]  # fmt: skip
    costs = SurfaceCosts(fit_surface("moe", marked))
    assert (costs.cost(8, 4).doubtful, costs.cost(512, 16).doubtful) == (True, False)
