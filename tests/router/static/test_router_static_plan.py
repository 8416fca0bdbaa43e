"""One answer for batches like a given one: its program, its verdict, and what it says."""

from dataclasses import replace

import numpy as np
import pytest

from moeprof.router.expert_costs import ExpertCosts
from moeprof.router.static.plan import Occasion, plan_static
from moeprof.store.errors import BadInput
from moeprof.tests.router.instances import drawn

COSTS, SHARES = drawn(seed=0, experts=16, most=4096)
CHANCES = 2 * SHARES


def linear(experts: int = 4) -> ExpertCosts:
    loads = np.array([0.0, 1.0, 64.0])
    return ExpertCosts(
        loads, np.tile(1e-6 * loads, (experts, 1)), np.tile(1e-3 * loads, (experts, 1)), 100.0,
        np.zeros(experts, dtype=np.int64),
    )  # fmt: skip


def test_large_batches_balance_and_a_joule_has_its_price() -> None:
    plan = plan_static(COSTS, Occasion(CHANCES, 4096))
    assert (plan.regime.regime, plan.verdict, plan.charges) == ("balance", "slack", None)
    assert plan.loads is not None
    assert plan.loads.gap <= 1e-4
    assert plan.planned.energy_j < plan.baseline.energy_j
    assert plan.bias.mean() == pytest.approx(0, abs=1e-12)
    assert plan.price_per_j == pytest.approx(1 / plan.prices.kl_price_j)


def test_no_expert_is_planned_more_rows_than_there_are_tokens() -> None:
    costs = linear()
    cheap_first = replace(costs, energy_j=costs.energy_j * np.array([[1.0], [9], [9], [9]]))
    plan = plan_static(cheap_first, Occasion(np.full(4, 0.5), 32, kl_price_j=1e-4))
    assert plan.loads is not None
    assert plan.loads.loads == pytest.approx([32, 32 / 3, 32 / 3, 32 / 3])


def test_decode_concentrates_by_what_reading_an_expert_costs() -> None:
    plan = plan_static(COSTS, Occasion(CHANCES, 4))
    assert plan.regime.regime == "concentrate"
    assert plan.charges is not None
    assert plan.charges == pytest.approx(plan.regime.fixed_j / (2 * plan.prices.kl_price_j))


def test_identical_experts_of_linear_cost_get_no_bias() -> None:
    plan = plan_static(linear(), Occasion(np.array([0.9, 0.5, 0.4, 0.2]), 32))
    assert (plan.regime.regime, plan.loads, plan.bias.tolist()) == ("none", None, [0.0] * 4)
    assert plan.reasons == (
        "identical experts and linear cost: no routing saves anything; b = 0",
        "the energies are assumed",
    )


def test_a_cap_is_slack_routed_or_paced_by_expected_power() -> None:
    costs, shares = drawn(seed=3, experts=16, most=4096)
    batch = Occasion(2 * shares, 4096, kl_price_j=1e-6)
    own_w = plan_static(costs, batch).baseline.power_w
    assert own_w is not None
    plans = [plan_static(costs, replace(batch, cap_w=part * own_w)) for part in (1.01, 0.98, 0.5)]
    assert [plan.verdict for plan in plans] == ["slack", "routed", "paced"]
    assert [plan.safe_tokens for plan in plans][-1] is None


@pytest.mark.parametrize("tokens", [16, 4096])
def test_a_bias_depends_on_no_unit_of_energy_and_on_no_price_that_all_rows_share(
    tokens: int,
) -> None:
    plan = plan_static(COSTS, Occasion(CHANCES, tokens, kl_price_j=1e-4))
    in_mj = replace(COSTS, energy_j=1e3 * COSTS.energy_j, idle_power_w=1e3 * COSTS.idle_power_w)
    again = plan_static(in_mj, Occasion(CHANCES, tokens, kl_price_j=0.1))
    assert again.bias == pytest.approx(plan.bias, abs=1e-6)
    dearer = replace(COSTS, energy_j=COSTS.energy_j + 1e-6 * COSTS.loads)
    shifted = plan_static(dearer, Occasion(CHANCES, tokens, kl_price_j=1e-4))
    assert shifted.bias == pytest.approx(plan.bias, abs=1e-6)


def test_without_energy_time_has_a_price_and_the_answer_says_so() -> None:
    unmetered = replace(
        COSTS, energy_j=0 * COSTS.energy_j, idle_power_w=0.0, energy_reason="no counter"
    )
    plan = plan_static(unmetered, Occasion(CHANCES, 4096))
    assert plan.prices.time_price_w == 1.0
    assert "by latency alone, because energy is unknown: no counter" in plan.reasons
    assert plan.planned.latency_s < plan.baseline.latency_s


def test_what_is_to_know_of_the_costs_is_in_every_answer() -> None:
    told = replace(COSTS, remarks=("fc1: 3 of 24 costs are extrapolated",))
    assert told.remarks[0] in plan_static(told, Occasion(CHANCES, 8)).reasons


@pytest.mark.parametrize(
    ("chances", "tokens", "sentence"),
    [
        (CHANCES, 0, "a batch of 0 tokens leaves nothing to plan"),
        (CHANCES, 10**6, "its costs end at a load of 4096"),
    ],
)
def test_batches_that_cannot_be_planned_for_are_refused(
    chances: np.ndarray, tokens: int, sentence: str
) -> None:
    with pytest.raises(BadInput, match=sentence):
        plan_static(COSTS, Occasion(chances, tokens))
