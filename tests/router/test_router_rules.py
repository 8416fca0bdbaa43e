from dataclasses import replace

import numpy as np
import pytest
import torch

from moeprof.kernels.routing import PLAIN, Routing, scores_of
from moeprof.router.control.controller import Decision
from moeprof.router.marginals import Marginals
from moeprof.router.rules import by_marginals, controlled, score_per_nat
from moeprof.router.static.plan import Occasion, plan_static
from moeprof.tests.router.instances import drawn


def test_a_rule_by_margins_is_in_scores_and_free_of_a_shift() -> None:
    margins = Marginals(np.array([1.0, 3.0]), np.array([0.0, 0.5]))
    rule = by_marginals(margins, alpha_per_j=2.0, beta_per_s=4.0, pressure=0.5, gpus=1)
    assert rule.bias.tolist() == [1.5, -1.5]
    assert (rule.price_per_j, rule.price_per_s.tolist()) == (1.0, [2.0])


def test_equal_margins_leave_no_bias_at_all() -> None:
    margins = Marginals(np.full(3, 0.1), np.full(3, 0.1))
    assert not by_marginals(margins, 1.0, 1.0, 1.0, 1).bias.any()


def test_a_controllers_price_is_that_of_a_second_where_energy_is_unknown() -> None:
    costs, shares = drawn(seed=0, experts=8, gpus=2)
    timed = replace(
        costs, energy_j=0 * costs.energy_j, idle_power_w=0.0, energy_reason="no counter"
    )
    decision = Decision(np.arange(8.0), price_per_j=6.0)
    metered, by_time = (
        controlled(decision, plan_static(one, Occasion(2 * shares, 64)), 0.5)
        for one in (costs, timed)
    )
    assert (metered.price_per_j, metered.price_per_s.tolist()) == (3.0, [0.0, 0.0])
    assert (by_time.price_per_j, by_time.price_per_s.tolist()) == (0.0, [1.5, 1.5])
    assert by_time.bias.tolist() == ((np.arange(8.0) - 3.5) * 0.5).tolist()


@pytest.mark.parametrize("routing", [Routing("softmax"), Routing("sigmoid")])
def test_a_nat_is_what_moves_a_score_at_the_border_of_the_picks(routing: Routing) -> None:
    """One row, so that the border is one expert: its score moves by the derivative."""
    logits, step = torch.tensor([[2.0, 1.0, 0.0, -1.0]]), 1e-3
    moved = logits + step * torch.tensor([0.0, 1.0, 0.0, 0.0])
    slope = (scores_of(moved, routing) - scores_of(logits, routing))[0, 1] / step
    picks = torch.tensor([[0, 1]])
    assert score_per_nat(logits, picks, routing) == pytest.approx(float(slope), rel=1e-2)
    assert score_per_nat(logits, picks, PLAIN) == 1.0


def test_rows_that_are_not_finite_do_not_count() -> None:
    routing = Routing("sigmoid")
    rows = torch.tensor([[0.0, 1.0], [float("nan"), 0.0]])
    picks = torch.tensor([[1], [0]])
    assert score_per_nat(rows, picks, routing) == score_per_nat(rows[:1], picks[:1], routing)
    assert score_per_nat(rows[1:], picks[1:], routing) == 1.0
