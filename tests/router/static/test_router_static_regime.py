from dataclasses import replace

import numpy as np

from moeprof.kernels.active_set import MAX_TOKENS
from moeprof.router.expert_costs import ExpertCosts
from moeprof.router.static.regime import choose_regime
from moeprof.router.static.whole_step import WholeStep
from moeprof.stats.arrays import Float64

LOADS = np.array([0.0, 1.0, 2.0, 256.0])


def costs(fixed_j: Float64, per_row_j: Float64, gpus: int = 1) -> ExpertCosts:
    """Experts with a fixed charge and a price of a row, of no time."""
    energy_j = np.where(LOADS > 0, fixed_j[:, None] + per_row_j[:, None] * LOADS, 0.0)
    gpu_of = np.arange(len(fixed_j)) % gpus
    return ExpertCosts(LOADS, np.zeros_like(energy_j), energy_j, 0.0, gpu_of)


SAME, ROWS = np.full(4, 1.0), np.full(4, 0.1)


def test_fixed_charges_of_more_than_half_of_the_cost_concentrate() -> None:
    decode = choose_regime(costs(SAME, ROWS), np.full(4, 2.0), 64, 0.0)
    assert (decode.regime, decode.fixed_j.round(6).tolist()) == ("concentrate", [1.0] * 4)
    assert decode.reason == "fixed charges, the reading of weights, are 83 % of the cost"
    assert choose_regime(costs(SAME, ROWS), np.full(4, 64.0), 64, 0.0).regime == "balance"


def test_an_expert_that_less_than_one_token_uses_is_read_as_a_whole() -> None:
    assert choose_regime(costs(SAME, 2 * SAME), np.full(4, 0.01), 64, 0.0).regime == "balance"


def test_a_batch_that_is_too_large_to_choose_its_experts_balances() -> None:
    found = choose_regime(costs(SAME, ROWS), np.full(4, 2.0), MAX_TOKENS + 1, 0.0)
    assert (found.regime, found.reason) == (
        "balance",
        "fixed charges, the reading of weights, are 83 % of the cost, of a batch of more than 4096"
        " tokens",
    )
    assert choose_regime(costs(SAME, ROWS), np.full(4, 2.0), MAX_TOKENS, 0.0).regime == (
        "concentrate"
    )


def test_several_gpus_balance() -> None:
    found = choose_regime(costs(SAME, ROWS, gpus=2), np.full(4, 2.0), 64, 0.0)
    assert (found.regime, found.reason) == ("balance", "the slowest of 2 GPUs decides")


def test_identical_experts_of_linear_cost_leave_nothing_to_save() -> None:
    linear = costs(0 * SAME, ROWS)
    found = choose_regime(linear, np.array([9.0, 1.0, 0.0, 2.0]), 64, 0.0)
    assert found.regime == "none"
    assert not found.fixed_j.any()
    assert "b = 0" in found.reason
    other = costs(0 * SAME, np.array([0.1, 0.1, 0.1, 0.2]))
    assert choose_regime(other, np.full(4, 2.0), 64, 0.0).regime == "balance"


def test_a_second_costs_idle_power_and_its_price() -> None:
    """Time has a fixed charge, and energy has none."""
    timed = replace(
        costs(0 * SAME, ROWS), latency_s=np.where(LOADS > 0, 1.0, 0.0) * np.ones((4, 1))
    )
    assert choose_regime(timed, np.full(4, 2.0), 64, 0.0).regime == "none"
    assert choose_regime(timed, np.full(4, 2.0), 64, 10.0).regime == "concentrate"
    idle = replace(timed, idle_power_w=10.0)
    assert choose_regime(idle, np.full(4, 2.0), 64, 0.0).regime == "concentrate"


def test_a_whole_step_that_is_not_bound_by_experts_keeps_all_of_them() -> None:
    bound = WholeStep(64, {"experts": 6.0, "overhead": 4.0})
    host = WholeStep(64, {"experts": 4.0, "overhead": 6.0})
    first, second = (
        choose_regime(costs(SAME, ROWS), np.full(4, 2.0), 64, 0.0, one) for one in (bound, host)
    )
    assert (first.regime, second.regime) == ("concentrate", "balance")
    assert "83 % of the cost; reading experts is 40 %" in second.reason
    busy = choose_regime(costs(SAME, ROWS), np.full(4, 64.0), 64, 0.0, host)
    assert (busy.regime, "whole" in busy.reason) == ("balance", False)
