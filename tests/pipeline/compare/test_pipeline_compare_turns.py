"""Readings in turns: the order, the warm-up, the looks and the budget, on a clock of the test."""

from collections.abc import Callable

import numpy as np
import pytest

from moeprof.compare.regression.judged import Rules
from moeprof.pipeline.compare.own_readings import Value
from moeprof.pipeline.compare.turns import Taken, in_turns
from moeprof.store.errors import BadInput
from moeprof.store.verdicts.comparison import Change
from moeprof.tests.pipeline.conftest import Listener

READING_S = 5.0


class Machine:
    """Two sides whose readings take 5 s each; NEW is more by `effect`, and each has noise."""

    def __init__(self, effect: float = 0.0, noise: float = 0.01, sizes: tuple[int, ...] = (8, 64)):
        self.effect, self.noise, self.sizes = effect, noise, sizes
        self.rng = np.random.default_rng(3)
        self.now_s = 0.0
        self.order: list[bool] = []

    def clock_s(self) -> float:
        return self.now_s

    def read(self, is_new: bool) -> list[Value]:
        self.now_s += READING_S
        self.order.append(is_new)
        factor = (1 + self.effect * is_new) * np.exp(self.rng.normal(0, self.noise))
        return [
            Value("latency", "us", "fc1", "fc1-fp32", size, float((100 + size) * factor))
            for size in self.sizes
        ]


def taken(machine: Machine, budget_s: float) -> Taken:
    return in_turns(machine.read, Rules(), budget_s, Listener(), machine.clock_s)


def test_sides_take_turns_after_a_warm_up_of_each() -> None:
    machine = Machine()
    found = taken(machine, 150.0)
    assert machine.order[:2] == [False, True]
    assert machine.order[2:10] == [False, True, True, False] * 2
    assert found.readings == (len(machine.order) - 2) // 2


def test_a_clear_change_ends_at_the_first_look() -> None:
    found = taken(Machine(effect=0.1), 10_000.0)
    assert found.readings == 10
    assert [row.verdict for row in (*found.ops, *found.sizes)] == [Change.REGRESSION] * 3
    assert [row.tokens for row in found.sizes] == [8, 64]
    assert found.ops[0].tokens is None


def test_what_is_not_clear_is_read_on_until_the_budget_is_spent() -> None:
    machine = Machine(noise=0.2)
    found = taken(machine, 700.0)
    assert found.readings > 20
    assert machine.now_s <= 700.0
    assert found.ops[0].verdict is Change.INCONCLUSIVE


def test_one_size_is_a_row_of_its_own() -> None:
    found = taken(Machine(sizes=(8,)), 300.0)
    assert [(row.tokens, row.n) for row in found.ops] == [(8, found.readings)]
    assert found.sizes == ()


def test_a_budget_for_too_few_readings_is_refused_with_what_it_takes() -> None:
    with pytest.raises(BadInput, match="takes 10 s") as refusal:
        taken(Machine(), 40.0)
    assert "--budget 60s" in refusal.value.hint


def test_what_is_not_in_every_reading_is_left_out() -> None:
    machine = Machine()
    found = in_turns(_losing(machine), Rules(), 150.0, Listener(), machine.clock_s)
    assert found.not_compared == {"latency of fc1-fp32 at 64": "not in every reading"}
    assert [row.tokens for row in found.ops] == [8]


def _losing(machine: Machine) -> Callable[[bool], list[Value]]:
    """Readings of which some lack the last size."""
    return lambda is_new: machine.read(is_new)[: 2 - (len(machine.order) % 5 == 0)]
