"""A surface is exact at its knots and follows its four terms between them."""

from dataclasses import replace
from math import log

import pytest

from moeprof.costmodel.surface.costs import SurfaceCosts
from moeprof.costmodel.surface.fit import fit_surface
from moeprof.costmodel.surface.prediction import evaluate, half_width
from moeprof.tests.costmodel.surface.test_costmodel_surface_fit import POINTS, moe_us


def test_a_scattered_point_is_wide_where_the_others_contradict_it() -> None:
    def at(tokens: int, factor: float) -> float:
        scattered = [
            row | {"latency_us": row["latency_us"] * factor,
                   "latency_us_lo": row["latency_us"] * factor / 1.5,
                   "latency_us_hi": row["latency_us"] * factor}
            if (row["tokens"], row["active_experts"]) == (32, 8) else row
            for row in POINTS
        ]  # fmt: skip
        fitted = replace(fit_surface("moe", scattered), half_widths={"95": 0.01})
        return half_width(fitted, tokens, 8, 95)

    assert at(32, 1.5) == pytest.approx(log(1.5), abs=1e-3)
    assert at(32, 1.0) < 0.02
    assert at(33, 1.5) == 0.01


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
