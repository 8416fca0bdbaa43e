import numpy as np
import pytest

from moeprof.router.expert_costs import ExpertCosts
from moeprof.router.programs.load_program import LoadPrices, LoadProgram, solve_loads
from moeprof.tests.router.instances import IDLE_W, drawn

COSTS, SHARES = drawn(0, experts=16)
PROGRAM = LoadProgram(COSTS)
ROWS = 1024
PRICES = LoadPrices(kl_price_j=1e-6, time_price_w=50.0)
FREE = PROGRAM.solve(SHARES, ROWS, PRICES)


def test_identical_experts_of_linear_cost_are_left_alone() -> None:
    one = np.array([[0.0, 1.1e-5, 1.3e-5, 2.5e-5]])
    costs = ExpertCosts(
        np.array([0.0, 1.0, 3.0, 15.0]), one.repeat(7, 0), 90 * one.repeat(7, 0), IDLE_W,
        np.zeros(7, dtype=np.int64),
    )  # fmt: skip
    plan = solve_loads(costs, np.arange(7.0), 21, PRICES)
    assert plan.bias.tolist() == [0.0] * 7
    assert plan.kl_nats == pytest.approx(0, abs=1e-9)


def test_a_cap_above_the_power_is_slack() -> None:
    plan = PROGRAM.solve(SHARES, ROWS, PRICES, cap_w=FREE.power_w + 1)
    assert (plan.verdict, plan.loads.tolist()) == ("slack", FREE.loads.tolist())


def test_a_cap_that_loads_can_meet_is_met_without_waiting() -> None:
    plan = PROGRAM.solve(SHARES, ROWS, PRICES, cap_w=FREE.power_w - 2)
    assert plan.verdict == "routed"
    assert plan.power_w <= FREE.power_w - 2
    assert plan.period_s == plan.latency_s
    assert plan.objective_j > FREE.objective_j


def test_a_cap_that_no_loads_meet_makes_the_step_wait() -> None:
    plan = PROGRAM.solve(SHARES, ROWS, PRICES, cap_w=IDLE_W + 50)
    assert plan.verdict == "paced"
    assert plan.power_w == pytest.approx(IDLE_W + 50)
    assert plan.period_s > plan.latency_s
