"""The costs of a surface: exact at its knots, flagged and bounded elsewhere."""

from math import hypot, log

import pytest

from moeprof.costmodel.curve.extrapolation import OutOfRange
from moeprof.costmodel.surface.costs import SurfaceCosts
from moeprof.costmodel.surface.fit import fit_surface
from moeprof.store.errors import BadInput
from moeprof.tests.costmodel.surface.test_costmodel_surface_fit import POINTS


def test_a_cost_has_its_flags_and_its_shares() -> None:
    costs = SurfaceCosts(fit_surface("moe", POINTS))
    knot, between, beyond = costs.cost(8, 4), costs.cost(20, 6), costs.cost(1024, 16)
    assert (knot.measured, between.measured, beyond.extrapolated) == (True, False, True)
    assert (between.tokens, between.assignments) == (20, 40)
    assert between.latency_us_lo < between.latency_us < between.latency_us_hi
    assert beyond.latency_us_hi / beyond.latency_us > between.latency_us_hi / between.latency_us
    assert costs.cost(20, 6) is between


def test_another_run_widens_the_intervals_of_a_surface_as_of_a_curve() -> None:
    surface = fit_surface("moe", POINTS)
    within, across = (SurfaceCosts(surface, turns_95=turns).cost(20, 6) for turns in (None, 0.1))
    own, whole = (log(cost.latency_us_hi / cost.latency_us) for cost in (within, across))
    assert whole == pytest.approx(hypot(own, 0.1))


@pytest.mark.parametrize(("tokens", "experts"), [(1, 3), (8, 1), (8, 17), (512, 33)])
def test_experts_that_the_routing_cannot_reach_are_refused(tokens: int, experts: int) -> None:
    with pytest.raises(BadInput, match="active experts cannot be"):
        SurfaceCosts(fit_surface("moe", POINTS)).cost(tokens, experts)


def test_over_four_doublings_away_it_is_out_of_range() -> None:
    with pytest.raises(OutOfRange, match="more than 4 doublings"):
        SurfaceCosts(fit_surface("moe", POINTS)).cost(100_000, 16)


def test_a_cost_near_a_flagged_point_is_doubtful() -> None:
    marked = [row | {"marks": "spread 30 %" if place == 0 else None}
              for place, row in enumerate(POINTS)]  # fmt: skip
    costs = SurfaceCosts(fit_surface("moe", marked))
    assert (costs.cost(8, 4).doubtful, costs.cost(512, 16).doubtful) == (True, False)
