import numpy as np
import pytest

from moeprof.router.expert_costs import ExpertCosts
from moeprof.router.marginals import MarginalCosts
from moeprof.tests.router.instances import drawn

COSTS = ExpertCosts(
    loads=np.array([0.0, 1.0, 11.0, 21.0]),
    latency_s=np.array([[0.0, 1.0, 2.0, 4.0]] * 2),
    energy_j=np.array([[0.0, 5.0, 15.0, 35.0], [0.0, 1.0, 2.0, 3.0]]),
    idle_power_w=0.0,
    gpu_of=np.array([0, 1]),
)


def test_a_margin_is_the_slope_right_of_the_load() -> None:
    found = MarginalCosts(COSTS).at(np.array([11.0, 11.0]))
    assert found.energy_j.tolist() == pytest.approx([2.0, 0.1])
    assert MarginalCosts(COSTS).at(np.array([5.0, 21.0])).energy_j.tolist() == pytest.approx(
        [1.0, 0.1]
    )


def test_of_two_gpus_only_the_slowest_delays_the_pass() -> None:
    assert MarginalCosts(COSTS).at(np.array([11.0, 5.0])).latency_s.tolist() == [0.2, 0.0]
    assert MarginalCosts(COSTS).at(np.array([0.0, 5.0])).latency_s.tolist() == [0.0, 0.1]


def test_margins_never_fall_as_loads_grow() -> None:
    costs, _ = drawn(seed=1, experts=6)
    at = [MarginalCosts(costs).at(np.full(6, rows)).energy_j for rows in (1.0, 20.0, 300.0, 512.0)]
    assert (np.diff(at, axis=0) >= -1e-12).all()
