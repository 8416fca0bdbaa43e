"""Program C: what it answers, against other solvers, and what it refuses."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from moeprof.router.expert_costs import ExpertCosts
from moeprof.router.programs.load_program import LoadPlan, LoadPrices, LoadProgram, solve_loads
from moeprof.stats.arrays import Float64
from moeprof.store.errors import BadInput
from moeprof.tests.router.instances import IDLE_W, drawn

ROWS = 1024
PRICES = LoadPrices(kl_price_j=1e-6, time_price_w=50.0)
COSTS, SHARES = drawn(0, experts=16)
PROGRAM = LoadProgram(COSTS)
FREE = PROGRAM.solve(SHARES, ROWS, PRICES)


def linear_costs(experts: int) -> ExpertCosts:
    one = np.array([[0.0, 1.1e-5, 1.3e-5, 2.5e-5]]).repeat(experts, axis=0)
    loads, on_one_gpu = np.array([0.0, 1.0, 3.0, 15.0]), np.zeros(experts, dtype=np.int64)
    return ExpertCosts(loads, one, 90 * one, IDLE_W, on_one_gpu)


def by_highs(program: LoadProgram, plan: LoadPlan, own: Float64, cap_w: float | None) -> float:
    """The optimum with the KL replaced by its tangent at the loads of `plan`, as a linear program.

    It is nowhere above the program's, and equal to it if these loads are optimal.
    """
    costs, energy, latency = program.costs, program.energy, program.latency
    widths, used = np.diff(costs.loads), own > 0
    tangent = np.zeros(costs.experts)
    tangent[used] = PRICES.kl_price_j * np.log(plan.loads[used] / own[used])
    cost = np.append((energy.slopes + tangent).ravel(), IDLE_W + PRICES.time_price_w)
    rows, free = [], []
    for gpu in range(costs.gpus):
        here = costs.gpu_of == gpu
        rows.append(np.append((latency.slopes * here).ravel(), -1.0))
        free.append(-float(latency.fixed @ (here & used)))
    if cap_w is not None:
        rows.append(np.append(energy.slopes.ravel() / (cap_w - IDLE_W), -1.0))
        free.append(-float(energy.fixed @ used) / (cap_w - IDLE_W))
    wide = np.repeat(widths, costs.experts) * np.tile(used, len(widths))
    total = np.append(np.ones(len(wide)), 0.0)[None]
    unit_s = 1e-5  # HiGHS takes coefficients below 1e-9 for zeros
    matrix = np.array(rows) / unit_s
    matrix[:, -1], cost[-1] = -1.0, cost[-1] * unit_s
    found = linprog(
        cost / 1e-6, matrix, np.array(free) / unit_s, total, [own.sum()],
        bounds=[*((0.0, width) for width in wide), (0.0, None)],
    )  # fmt: skip
    assert found.fun is not None
    return float(found.fun) * 1e-6 + float(energy.fixed @ used)


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.integers(1, 3), st.sampled_from([None, 1.05, 0.9, 0.5]))
def test_no_other_loads_are_better(seed: int, gpus: int, cap: float | None) -> None:
    """HiGHS finds none either. The cap is a part of the power that the loads have without one."""
    costs, shares = drawn(seed, experts=7, gpus=gpus)
    shares[seed % 7] *= seed % 2
    program = LoadProgram(costs)
    own = shares * (ROWS / 2 / shares.sum())
    free = program.solve(shares, ROWS / 2, PRICES)
    cap_w = None if cap is None else IDLE_W + cap * (free.power_w - IDLE_W)
    plan = program.solve(shares, ROWS / 2, PRICES, cap_w)
    assert plan.gap <= 1e-6
    assert plan.loads.sum() == pytest.approx(ROWS / 2)
    assert cap_w is None or plan.power_w <= cap_w * (1 + 1e-9)
    assert plan.period_s >= plan.latency_s
    assert by_highs(program, plan, own, cap_w) == pytest.approx(plan.objective_j, rel=2e-6)


def test_identical_experts_of_linear_cost_are_left_alone() -> None:
    plan = solve_loads(linear_costs(7), np.arange(7.0), 21, PRICES)
    assert plan.bias.tolist() == [0.0] * 7
    assert plan.kl_nats == pytest.approx(0, abs=1e-7)
    assert plan.loads == pytest.approx(np.arange(7.0))


def test_one_expert_gets_everything() -> None:
    plan = solve_loads(linear_costs(1), np.ones(1), 12, PRICES)
    assert (plan.loads.tolist(), plan.bias.tolist()) == ([12.0], [0.0])


def test_without_assignments_there_is_nothing_to_route() -> None:
    plan = PROGRAM.solve(SHARES, 0, PRICES, cap_w=IDLE_W + 1)
    assert (plan.period_s, plan.energy_j, plan.verdict) == (0.0, 0.0, "slack")
    assert plan.power_w == IDLE_W
    assert not plan.loads.any()
    assert not plan.bias.any()


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


def test_falling_curves_are_planned_too() -> None:
    """Noise lets a curve fall, and its hull has slopes below 0."""
    loads, experts = np.arange(9.0), 6
    draw = np.random.default_rng(1)
    energy_j, latency_s = (draw.uniform(1, 3, (experts, 9)) * (loads > 0) for _ in range(2))
    energy_j[:, 1:] /= loads[1:]
    costs = ExpertCosts(loads, 1e-6 * latency_s, 1e-4 * energy_j, 100.0, np.arange(experts) % 3)
    plan = solve_loads(costs, np.ones(experts), 24.0, LoadPrices(kl_price_j=1e-5))
    assert plan.gap <= 1e-6
    assert plan.loads.sum() == pytest.approx(24)


@pytest.mark.parametrize("gpus", [1, 4])
def test_where_a_second_is_worth_nothing_energy_alone_decides(gpus: int) -> None:
    costs = ExpertCosts(
        np.array([0.0, 8.0]), np.tile([0.0, 8e-6], (4, 1)), np.outer([1.0, 2, 2, 2], [0, 8e-3]),
        0.0, np.arange(4) % gpus,
    )  # fmt: skip
    plan = solve_loads(costs, np.ones(4), 8.0, LoadPrices(kl_price_j=1e-3))
    assert plan.gap == pytest.approx(0, abs=1e-9)
    assert plan.loads[1:] == pytest.approx(plan.loads[0] / np.e)


def test_where_time_costs_nothing_the_step_waits_for_free() -> None:
    costs, shares = drawn(2, experts=8, gpus=4)
    program = LoadProgram(replace(costs, idle_power_w=0.0))
    free = program.solve(shares, 512, LoadPrices(1e-6))
    capped = program.solve(shares, 512, LoadPrices(1e-6), cap_w=free.power_w / 2)
    assert (free.verdict, capped.verdict) == ("slack", "paced")
    assert capped.loads.tolist() == free.loads.tolist()
    assert capped.period_s == pytest.approx(2 * free.period_s)


def test_a_cap_above_the_power_is_slack() -> None:
    plan = PROGRAM.solve(SHARES, ROWS, PRICES, cap_w=FREE.power_w + 1)
    assert (plan.verdict, plan.loads.tolist()) == ("slack", FREE.loads.tolist())


def test_a_cap_that_loads_can_meet_is_met_without_waiting() -> None:
    plan = PROGRAM.solve(SHARES, ROWS, PRICES, cap_w=FREE.power_w - 2)
    assert plan.verdict == "routed"
    assert plan.power_w == pytest.approx(FREE.power_w - 2, rel=1e-4)
    assert plan.power_w <= FREE.power_w - 2 + 1e-9
    assert plan.period_s == pytest.approx(plan.latency_s, rel=1e-4)
    assert plan.objective_j > FREE.objective_j


def test_a_cap_that_no_loads_meet_makes_the_step_wait() -> None:
    plan = PROGRAM.solve(SHARES, ROWS, PRICES, cap_w=IDLE_W + 50)
    assert plan.verdict == "paced"
    assert plan.power_w == pytest.approx(IDLE_W + 50)
    assert plan.period_s > 1.01 * plan.latency_s


@pytest.mark.parametrize("gpus", [1, 4])
def test_a_lower_cap_never_costs_less(gpus: int) -> None:
    costs, shares = drawn(3, experts=16, gpus=gpus)
    program = LoadProgram(costs)
    free = program.solve(shares, ROWS, PRICES)
    caps_w = IDLE_W + (free.power_w - IDLE_W) * np.linspace(1.1, 0.2, 12)
    plans = [program.solve(shares, ROWS, PRICES, cap_w) for cap_w in caps_w]
    objectives = np.array([plan.objective_j for plan in plans])
    assert (np.diff(objectives) >= -1e-6 * objectives[1:]).all()
    assert plans[0].verdict == "slack"
    assert plans[-1].verdict == "paced"


def test_the_step_takes_as_long_as_its_slowest_gpu() -> None:
    costs, shares = drawn(1, experts=16, gpus=4)
    plan = LoadProgram(costs).solve(shares, ROWS, LoadPrices(1e-6, 2000.0))
    alone = LoadProgram(replace(costs, gpu_of=np.zeros(16, dtype=np.int64)))
    assert plan.latency_s < alone.solve(shares, ROWS, PRICES).latency_s / 3
    assert plan.price_per_s.sum() == pytest.approx((IDLE_W + 2000.0) / 1e-6, rel=1e-3)


def test_a_gpu_without_experts_does_not_matter() -> None:
    costs, shares = drawn(1, experts=16, gpus=3)
    apart = replace(costs, gpu_of=costs.gpu_of * 2)
    plans = [LoadProgram(one).solve(shares, ROWS, PRICES) for one in (costs, apart)]
    assert plans[0].objective_j == pytest.approx(plans[1].objective_j, rel=2e-6)


def test_the_same_in_mj_and_ms_is_the_same() -> None:
    small = replace(
        COSTS, latency_s=COSTS.latency_s * 1e3, energy_j=COSTS.energy_j * 1e3, loads=COSTS.loads
    )
    prices = LoadPrices(PRICES.kl_price_j * 1e3, PRICES.time_price_w)
    for cap_w in (None, FREE.power_w - 2):
        plan = PROGRAM.solve(SHARES, ROWS, PRICES, cap_w)
        other = LoadProgram(small).solve(SHARES, ROWS, prices, cap_w)
        assert other.loads == pytest.approx(plan.loads, rel=1e-5)
        assert other.bias == pytest.approx(plan.bias, abs=1e-4)
        assert other.period_s == pytest.approx(1e3 * plan.period_s)
        assert other.price_per_j == pytest.approx(plan.price_per_j / 1e3, rel=1e-3)


def test_joules_that_every_row_costs_alike_change_no_load() -> None:
    dearer = replace(COSTS, energy_j=COSTS.energy_j + 1e-3 * COSTS.loads)
    plan = LoadProgram(dearer).solve(SHARES, ROWS, PRICES)
    assert plan.loads == pytest.approx(FREE.loads, rel=1e-6)
    assert plan.bias == pytest.approx(FREE.bias, abs=1e-6)


def test_the_bias_is_minus_the_marginal_cost() -> None:
    """Where costs are smooth: quadratic, on a fine grid."""
    loads = np.arange(0.0, 101.0)
    curves = np.linspace(1, 2, 5)[:, None] * (loads + loads**2 / 50) * 1e-6
    costs = ExpertCosts(loads, curves, 100 * curves, IDLE_W, np.zeros(5, dtype=np.int64))
    plan = solve_loads(costs, np.ones(5), 200, LoadPrices(1e-3))
    slope = np.linspace(1, 2, 5) * (1 + plan.loads / 25) * 1e-6
    expected = -slope * (100 * plan.price_per_j + plan.price_per_s[0])
    assert plan.bias == pytest.approx(expected - expected.mean(), abs=1e-2)


def test_no_expert_gets_more_than_there_are_tokens() -> None:
    cheap = replace(COSTS, energy_j=COSTS.energy_j * np.r_[1e-3, np.ones(15)][:, None])
    program, shares = LoadProgram(cheap), np.ones(16)
    assert program.solve(shares, 160, PRICES).loads[0] > 20
    limited = LoadProgram(cheap.up_to(20)).solve(shares, 160, PRICES)
    assert limited.loads.max() == pytest.approx(20)


def test_an_earlier_answer_leads_to_the_same_one() -> None:
    cap_w = FREE.power_w - 2
    first = PROGRAM.solve(SHARES, ROWS, PRICES, cap_w + 0.1)
    again = PROGRAM.solve(SHARES, ROWS, PRICES, cap_w, warm=first)
    cold = PROGRAM.solve(SHARES, ROWS, PRICES, cap_w)
    assert again.objective_j == pytest.approx(cold.objective_j, rel=1e-6)


def test_what_measured_curves_are_above_their_hulls_is_told_apart() -> None:
    assert FREE.gap < 1e-6 < FREE.measured_gap < 0.05
    plan = solve_loads(linear_costs(3), np.ones(3), 9, PRICES)
    assert plan.measured_gap == pytest.approx(0, abs=1e-6)


NO_ENERGY = replace(
    COSTS, energy_j=0 * COSTS.energy_j, idle_power_w=0.0, energy_reason="no energy was measured"
)


def test_without_energy_time_alone_counts_and_the_answer_says_so() -> None:
    plan = solve_loads(NO_ENERGY, SHARES, ROWS, LoadPrices(1e-6, 1.0))
    assert plan.energy_reason == "no energy was measured"
    assert plan.objective_j == pytest.approx(1e-6 * plan.kl_nats + plan.latency_s)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"shares": np.append(SHARES[1:], np.nan)}, "the share of expert 15 is nan"),
        ({"shares": np.append(-1.0, SHARES[1:])}, "the share of expert 0 is -1.0"),
        ({"shares": np.zeros(16)}, "the shares of the experts sum to 0"),
        ({"shares": np.ones(3)}, r"shares have the shape \(3,\), and must have \(16,\)"),
        ({"assignments": -1}, "there are -1 assignments"),
        ({"assignments": float("nan")}, "there are nan assignments"),
        (
            {"shares": np.eye(16)[4]},
            "expert 4 gets 1024 of 1024 assignments, and its costs end",
        ),
        ({"prices": LoadPrices(1e-20)}, "kl_price_j is 1e-20 J, and a row costs up to"),
        ({"cap_w": IDLE_W}, "the power cap of 120 W is unreachable: idle power is 120 W"),
        ({"cap_w": float("nan")}, "the power cap of nan W is unreachable"),
    ],
)
def test_what_is_no_program_is_refused(changed: dict[str, Any], sentence: str) -> None:
    asked: dict[str, Any] = {"shares": SHARES, "assignments": ROWS, "prices": PRICES} | changed
    with pytest.raises(BadInput, match=sentence):
        PROGRAM.solve(**asked)


def test_prices_that_mean_nothing_are_refused() -> None:
    with pytest.raises(BadInput, match="kl_price_j is 0"):
        LoadPrices(0.0)
    with pytest.raises(BadInput, match="time_price_w is nan W"):
        LoadPrices(1.0, float("nan"))
    with pytest.raises(BadInput, match="cap is 300 W, and energy is unknown: no energy"):
        solve_loads(NO_ENERGY, SHARES, ROWS, PRICES, cap_w=300.0)
    with pytest.raises(BadInput, match="time_price_w is 0 W, and energy is unknown"):
        solve_loads(NO_ENERGY, SHARES, ROWS, LoadPrices(1e-6))
