import numpy as np
import pytest

from moeprof.router.hull import hull_of
from moeprof.router.programs.batch import Batch
from moeprof.router.programs.dual import Hulls, LoadDual
from moeprof.router.programs.two_demands import solve_two
from moeprof.tests.router.instances import drawn

PERIOD_PRICE_W = 1e5


def dual_of(gpus: int) -> LoadDual:
    costs, shares = drawn(0, experts=12, gpus=gpus)
    energy, latency = (hull_of(costs.loads, each) for each in (costs.energy_j, costs.latency_s))
    hulls = Hulls.over(costs.loads, energy, latency, costs.gpu_of, gpus)
    return LoadDual(hulls, Batch(1024 * shares, 1e-4, PERIOD_PRICE_W, None))


def test_one_demand_bears_all_the_weight() -> None:
    found = solve_two(dual_of(1), None)
    assert found.point.weights_w.tolist() == [PERIOD_PRICE_W]
    assert found.gap <= 1e-9


def test_two_gpus_end_together_where_both_bear_weight() -> None:
    found = solve_two(dual_of(2), None)
    assert found.gap <= 5e-7
    assert (found.point.weights_w > 0).all()
    assert np.ptp(found.point.demands_s) < 1e-3 * found.point.demands_s.max()


def test_a_guess_of_the_weight_leads_to_the_same_bound() -> None:
    dual = dual_of(2)
    cold = solve_two(dual, None)
    for guess_w in (0.3 * PERIOD_PRICE_W, float(cold.point.weights_w[1]), np.inf, -1.0):
        assert solve_two(dual, guess_w).bound_j == pytest.approx(cold.bound_j, rel=1e-6)
