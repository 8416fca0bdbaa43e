"""A budget: what is left of it, and how long an answer is waited for."""

from math import inf

from moeprof.profiler.budget.budget import GRACE_S, NO_BUDGET, Budget
from moeprof.profiler.host_clock import monotonic_s
from moeprof.tests.fake_clock import FakeClock


def test_without_an_end_it_is_never_spent() -> None:
    assert (NO_BUDGET.left_s, NO_BUDGET.is_spent, NO_BUDGET.at_most(60)) == (inf, False, 60)


def test_an_answer_may_come_a_little_later_than_its_end() -> None:
    clock = FakeClock()
    budget = Budget(monotonic_s(clock) + 10, clock)
    assert budget.has(9)
    assert not budget.has(11)
    assert budget.at_most(60) < 10 + GRACE_S
    assert budget.at_most(3) == 3
    clock.advance(20)
    assert (budget.left_s, budget.is_spent, budget.at_most(60)) == (0, True, GRACE_S)
    assert budget.at_most(60, grace_s=40) == 40
