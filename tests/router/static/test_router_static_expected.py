"""Costs of a pass by counts, and those expected where tokens choose by chance."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.router.expert_costs import ExpertCosts
from moeprof.router.static.expected import cost_of_counts, expected_cost

COSTS = ExpertCosts(
    loads=np.array([0.0, 1.0, 101.0]),
    latency_s=np.array([[0.0, 1.0, 3.0]] * 4),  # 1 s to read, 0.02 s a further row
    energy_j=np.array([[0.0, 10.0, 20.0]] * 4),
    idle_power_w=100.0,
    gpu_of=np.array([0, 0, 1, 1]),
)


def test_the_slowest_gpu_decides_the_latency_and_all_add_to_the_energy() -> None:
    found = cost_of_counts(COSTS, np.array([1, 1, 51, 0]))
    assert (found.energy_j, found.latency_s) == (10 + 10 + 15, 2.0)
    assert found.power_w == pytest.approx(100 + 35 / 2)
    assert (found.within(118), found.within(117)) == (True, False)


def test_a_cap_makes_the_period_as_long_as_the_energy_needs() -> None:
    found = cost_of_counts(COSTS, np.array([1, 1, 0, 0]))
    assert (found.period_s(None), found.period_s(100.0), found.period_s(4.0)) == (2.0, 2.0, 5.0)


def test_an_expert_that_few_tokens_choose_is_often_idle() -> None:
    one = expected_cost(COSTS, np.full(4, 0.25), tokens=1)
    assert one.energy_j == pytest.approx(4 * 0.25 * 10)
    many = expected_cost(COSTS, np.full(4, 0.25), tokens=200)
    assert many.energy_j == pytest.approx(4 * (10 + 0.1 * 49))


def test_no_tokens_and_no_energy_leave_no_power_above_idle() -> None:
    assert expected_cost(COSTS, np.full(4, 0.25), tokens=0).power_w == 100.0
    unmetered = replace(COSTS, energy_j=np.zeros((4, 3)), idle_power_w=0.0, energy_reason="none")
    found = expected_cost(unmetered, np.full(4, 0.25), tokens=8)
    assert found.power_w is None
    assert found.within(1.0)
