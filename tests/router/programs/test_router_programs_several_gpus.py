"""The central path answers what the search over two demands answers."""

import pytest

from moeprof.router.hull import hull_of
from moeprof.router.programs.batch import Batch
from moeprof.router.programs.dual import Hulls, LoadDual
from moeprof.router.programs.several_gpus import solve_several
from moeprof.router.programs.two_demands import solve_two
from moeprof.tests.router.instances import IDLE_W, drawn


@pytest.mark.parametrize("headroom_w", [30.0, 380.0, 900.0])
def test_both_ways_end_at_the_same_loads(headroom_w: float) -> None:
    costs, shares = drawn(0, experts=12)
    energy, latency = (hull_of(costs.loads, each) for each in (costs.energy_j, costs.latency_s))
    hulls = Hulls.over(costs.loads, energy, latency, costs.gpu_of, 1)
    dual = LoadDual(hulls, Batch(512 * shares, 1e-5, IDLE_W, headroom_w))
    searched, followed = solve_two(dual, None), solve_several(dual)
    assert max(searched.gap, followed.gap) <= 1e-6
    assert followed.point.objective_j == pytest.approx(searched.point.objective_j, rel=2e-6)
    assert followed.point.loads == pytest.approx(searched.point.loads, rel=1e-2)
