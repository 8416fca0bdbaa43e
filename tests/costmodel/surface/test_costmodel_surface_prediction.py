"""A surface is exact at its knots and follows its four terms between them."""

import pytest

from moeprof.costmodel.surface.costs import SurfaceCosts
from moeprof.costmodel.surface.fit import fit_surface
from moeprof.costmodel.surface.prediction import evaluate
from moeprof.tests.costmodel.surface.test_costmodel_surface_fit import POINTS, moe_us


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
        predicted = evaluate(surface, row["tokens"], row["active_experts"])
        assert predicted == pytest.approx(row["latency_us"], rel=1e-9)


def test_a_sum_of_the_terms_is_reproduced_between_the_points() -> None:
    surface = fit_surface("moe", POINTS)
    for tokens, experts in ((20, 6), (64, 12), (300, 5)):
        assert evaluate(surface, tokens, experts) == pytest.approx(
            moe_us(tokens, experts), rel=0.01
        )
    assert surface.error.n == len(POINTS)
    assert surface.error.median == pytest.approx(0, abs=0.01)


def test_an_interval_at_a_lower_coverage_is_narrower() -> None:
    noisy = [row | {"latency_us": row["latency_us"] * (1 + 0.1 * (place % 3))}
             for place, row in enumerate(POINTS)]  # fmt: skip
    costs = SurfaceCosts(fit_surface("moe", noisy))
    bounds = [costs.interval_us(20, 6, percent) for percent in (50, 80, 95)]
    assert bounds[0][0] > bounds[1][0] > bounds[2][0]
    cost = costs.cost(20, 6)
    assert bounds[2] == pytest.approx((cost.latency_us_lo, cost.latency_us_hi))
