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


@pytest.mark.parametrize("gpu_of", [[0, 0, 0, 1], [0, 0, 0, 1, 2]])
def test_rows_move_to_idle_gpus_though_each_load_is_at_the_end_of_a_piece(
    gpu_of: list[int],
) -> None:
    """All loads are 2 at first, where the slope of each curve jumps by more than prices tell."""
    loads, experts = np.arange(9.0), len(gpu_of)
    latency_s = np.tile(1e-6 * loads**2, (experts, 1))
    costs = ExpertCosts(loads, latency_s, 0 * latency_s, 100.0, np.array(gpu_of))
    plan = solve_loads(costs, np.ones(experts), 2.0 * experts, LoadPrices(kl_price_j=1e-5))
    assert plan.gap <= 1e-4
    assert plan.latency_s < 0.9 * latency_s[:3, 2].sum()


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
